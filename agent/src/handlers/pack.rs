//! Packing a built tree.

use crate::blocking::run_blocking;
use crate::failure::chain_failure;
use crate::failure::failure;
use crate::request::RequestContext;
use std::path::{Path, PathBuf};
use vmbuild_protocol::{Digest, FailureKind, Pack, Packed, RequestFailure};

/// Packs a tree, on a thread of its own. A cancelled request leaves no archive.
pub async fn pack(request: &RequestContext, pack: Pack) -> Result<Packed, RequestFailure> {
    let (root, to) = (absolute(&pack.root)?, absolute(&pack.to)?);
    let archive = to.clone();
    // Not raced against `cancel`: the thread cannot be stopped, and must not write on after the answer.
    let packed = run_blocking(move || vmbuild_archive::pack_tree(&root, &archive, pack.mtime)).await;
    if request.cancel.is_cancelled() {
        let _ = fs_err::remove_file(&to);
        return Err(failure(FailureKind::Cancelled, "packing was cancelled"));
    }
    let summary = packed.map_err(|error| chain_failure(&error))?;
    Ok(Packed {
        entries: summary.entries,
        unpacked_bytes: summary.unpacked_bytes,
        digest: Digest { bytes: summary.bytes, sha256: summary.sha256 },
    })
}

fn absolute(path: &str) -> Result<PathBuf, RequestFailure> {
    let path = Path::new(path);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Err(failure(FailureKind::Invalid, format!("`{}` is not an absolute path", path.display())))
}

#[cfg(test)]
mod tests {
    use super::pack;
    use crate::testing::request;
    use vmbuild_protocol::{FailureKind, Pack};

    fn order(folder: &std::path::Path) -> Pack {
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        fs_err::create_dir_all(folder.join("tree")).unwrap();
        fs_err::write(folder.join("tree/file"), "contents").unwrap();
        Pack { root: path("tree"), to: path("a.tgz"), mtime: 0 }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_answer_describes_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let (request, _heard) = request();
        let packed = pack(&request, order(folder.path())).await.unwrap();
        let (bytes, sha256) = vmbuild_archive::sha256_file(&folder.path().join("a.tgz")).unwrap();
        assert_eq!((packed.digest.bytes, packed.digest.sha256), (bytes, sha256));
        assert!(packed.entries >= 1);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_cannot_be_packed_leaves_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let (request, _heard) = request();
        let missing = Pack { root: "/vmbuild/none".to_owned(), ..order(folder.path()) };
        assert_eq!(pack(&request, missing).await.unwrap_err().kind, FailureKind::Io);
        let relative = Pack { to: "a.tgz".to_owned(), ..order(folder.path()) };
        assert_eq!(pack(&request, relative).await.unwrap_err().kind, FailureKind::Invalid);
        request.cancel.cancel();
        let cancelled = pack(&request, order(folder.path())).await.unwrap_err();
        assert_eq!(cancelled.kind, FailureKind::Cancelled);
        assert!(!folder.path().join("a.tgz").exists());
    }
}
