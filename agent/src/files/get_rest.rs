//! Sending what the host does not have yet of a file.

use super::fingerprint::hash;
use super::stream::{FilePrefix, send};
use crate::request::{RequestContext, failure, io_failure};
use crate::session::Link;
use tokio::io::AsyncReadExt;
use vmbuild_protocol::{Digest, FailureKind, GetRest, RequestFailure};

/// Sends a file's bytes from an offset as far as the host's credit goes, then the whole file's digest.
pub async fn get_rest(request: &RequestContext, order: GetRest, link: &Link) -> Result<Digest, RequestFailure> {
    let mut file = fs_err::tokio::File::open(&order.path).await.map_err(|error| io_failure(&error))?;
    let mut had = FilePrefix::default();
    had.bytes = hash(&mut (&mut file).take(order.from), &mut had.hasher, request).await?;
    if had.bytes < order.from {
        let (path, from, bytes) = (&order.path, order.from, had.bytes);
        let text = format!("{path} has {bytes} bytes, fewer than the {from} that were fetched");
        return Err(failure(FailureKind::DigestMismatch, text));
    }
    send(request, file, had, link).await
}
