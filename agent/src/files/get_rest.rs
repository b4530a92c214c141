//! Sending what the host does not have yet of a file.

use super::fingerprint::hash;
use crate::request::{Request, failure, io_failure};
use crate::session::{Link, digest};
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt;
use vmbuild_protocol::{CHUNK, Digest, Failure, FailureKind, FromAgent, GetRest};

/// Sends a file's bytes from an offset as far as the host's credit goes, then the whole file's digest.
pub async fn get_rest(request: &Request, order: GetRest, link: &Link) -> Result<Digest, Failure> {
    let mut file = fs_err::tokio::File::open(&order.path).await.map_err(|error| io_failure(&error))?;
    let mut hasher = Sha256::new();
    let mut bytes = hash(&mut (&mut file).take(order.from), &mut hasher, request).await?;
    if bytes < order.from {
        let text = format!("{} has {bytes} bytes, fewer than the {} that were fetched", order.path, order.from);
        return Err(failure(FailureKind::DigestMismatch, text));
    }
    loop {
        let mut piece = BytesMut::with_capacity(CHUNK);
        let count = file.read_buf(&mut piece).await.map_err(|error| io_failure(&error))?;
        if count == 0 {
            break;
        }
        hasher.update(&piece);
        bytes += count as u64;
        if request.cancel.is_cancelled() || !link.data(piece.freeze()).await {
            return Err(failure(FailureKind::Cancelled, "cancelled"));
        }
    }
    let digest = digest(bytes, hasher.finalize());
    link.say(|id| FromAgent::DataEnd { id, digest });
    Ok(digest)
}
