//! Sending a file.

use super::stream::{FilePrefix, send_bytes};
use crate::failure::io_failure;
use crate::request::RequestContext;
use crate::session::HostLink;
use vmbuild_protocol::{Digest, GetFile, RequestFailure};

/// Sends a file's bytes as far as the host's credit goes, then their digest.
pub async fn get(request: &RequestContext, order: GetFile, link: &HostLink) -> Result<Digest, RequestFailure> {
    let file = fs_err::tokio::File::open(&order.path).await.map_err(|error| io_failure(&error))?;
    send_bytes(request, file, FilePrefix::default(), link).await
}
