//! Digest of a file's first bytes, by which an interrupted transfer finds out where to continue.

use crate::failure::io_failure;
use crate::request::RequestContext;
use crate::session::digest;
use sha2::{Digest as _, Sha256};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};
use vmbuild_protocol::{CHUNK, Digest, Fingerprint, RequestFailure};

/// Hashes the first bytes of a file.
pub async fn fingerprint(request: &RequestContext, order: &Fingerprint) -> Result<Digest, RequestFailure> {
    let mut hasher = Sha256::new();
    let bytes = match fs_err::tokio::File::open(&order.path).await {
        Ok(file) => hash_all(&mut file.take(order.bytes), &mut hasher, request).await?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(io_failure(&error)),
    };
    Ok(digest(bytes, hasher.finalize()))
}

/// Hashes all bytes, and returns how many there were.
pub(super) async fn hash_all(
    from: &mut (impl AsyncRead + Unpin),
    hasher: &mut Sha256,
    request: &RequestContext,
) -> Result<u64, RequestFailure> {
    let (mut bytes, mut piece) = (0, vec![0; CHUNK]);
    loop {
        let count = from.read(&mut piece).await.map_err(|error| io_failure(&error))?;
        if count == 0 {
            return Ok(bytes);
        }
        request.check_cancelled()?;
        hasher.update(&piece[..count]);
        bytes += count as u64;
    }
}
