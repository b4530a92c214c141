//! Sending a file.

use super::stream::{Had, send};
use crate::request::{Request, io_failure};
use crate::session::Link;
use vmbuild_protocol::{Digest, Failure, GetFile};

/// Sends a file's bytes as far as the host's credit goes, then their digest.
pub async fn get(request: &Request, order: GetFile, link: &Link) -> Result<Digest, Failure> {
    let file = fs_err::tokio::File::open(&order.path).await.map_err(|error| io_failure(&error))?;
    send(request, file, Had::default(), link).await
}
