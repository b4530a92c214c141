//! Packing what was built.

use super::chain::chained;
use crate::request::{Request, failure};
use std::path::{Path, PathBuf};
use vmbuild_protocol::{Digest, Failure, FailureKind, Pack, Packed};

/// Packs a tree, on a thread of its own. A cancelled request leaves no archive.
pub async fn pack(request: &Request, pack: Pack) -> Result<Packed, Failure> {
    let (root, to) = (absolute(&pack.root)?, absolute(&pack.to)?);
    let archive = to.clone();
    // Not raced against `cancel`: the thread cannot be stopped, and must not write on after the answer.
    let packed = tokio::task::spawn_blocking(move || vmbuild_archive::pack_tree(&root, &archive, pack.mtime)).await;
    let packed = packed.map_err(|error| failure(FailureKind::Io, format!("failed to pack: {error}")))?;
    if request.cancel.is_cancelled() {
        let _ = fs_err::remove_file(&to);
        return Err(failure(FailureKind::Cancelled, "packing was cancelled"));
    }
    let summary = packed.map_err(|error| chained(&error))?;
    Ok(Packed {
        entries: summary.entries,
        unpacked_bytes: summary.unpacked_bytes,
        digest: Digest { bytes: summary.bytes, sha256: summary.sha256 },
    })
}

fn absolute(path: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(path);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Err(failure(FailureKind::Invalid, format!("`{}` is not an absolute path", path.display())))
}
