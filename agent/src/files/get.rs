//! Sending a file.

use crate::request::{Request, failure, io_failure};
use crate::session::Link;
use crate::session::digest;
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt;
use vmbuild_protocol::{CHUNK, Digest, Failure, FailureKind, FromAgent, GetFile};

/// Sends a file's bytes as far as the host's credit goes, then their digest.
pub async fn get(request: &Request, order: GetFile, link: &Link) -> Result<Digest, Failure> {
    let mut file = fs_err::tokio::File::open(&order.path).await.map_err(|error| io_failure(&error))?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
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
