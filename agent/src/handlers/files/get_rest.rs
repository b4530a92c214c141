//! Sending the rest of a file.

use super::fingerprint::hash_all;
use super::stream::{FilePrefix, send_bytes};
use crate::failure::{failure, io_failure};
use crate::request::RequestContext;
use crate::session::HostLink;
use tokio::io::AsyncReadExt;
use vmbuild_protocol::{Digest, FailureKind, GetRest, RequestFailure};

/// Sends a file's bytes from an offset as far as the host's credit goes, then the whole file's digest.
pub async fn get_rest(request: &RequestContext, order: GetRest, link: &HostLink) -> Result<Digest, RequestFailure> {
    let mut file = fs_err::tokio::File::open(&order.path).await.map_err(|error| io_failure(&error))?;
    let mut prefix = FilePrefix::default();
    prefix.bytes = hash_all(&mut (&mut file).take(order.from), &mut prefix.hasher, request).await?;
    if prefix.bytes < order.from {
        let (path, from, bytes) = (&order.path, order.from, prefix.bytes);
        let text = format!("{path} has {bytes} bytes, but {from} were fetched already");
        return Err(failure(FailureKind::DigestMismatch, text));
    }
    send_bytes(request, file, prefix, link).await
}
