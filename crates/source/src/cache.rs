//! The store's folder of verified sources: `sources/<sha256>/<file>`.
//!
//! Disks fail and people edit files, so a file is hashed again before use. Names that begin with a dot are internal: the
//! lock, and an unfinished download.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_archive::Sha256;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, sync_folder};

/// The folder of verified sources.
#[derive(Debug, Clone)]
pub(super) struct SourceCache {
    root: PathBuf,
}

/// A file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CachedFile {
    pub(super) path: PathBuf,
    pub(super) file_name: String,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
}

impl SourceCache {
    pub(super) fn of(store: &Store) -> Self {
        Self { root: store.sources() }
    }

    /// The folder of files without a known digest.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The unfinished download of this digest.
    pub(super) fn partial(&self, sha256: Sha256) -> PathBuf {
        self.folder(sha256).join(".partial")
    }

    /// The folder of evidence for a source.
    pub(super) fn evidence(&self, sha256: Sha256) -> PathBuf {
        self.folder(sha256).join(".evidence")
    }

    fn folder(&self, sha256: Sha256) -> PathBuf {
        self.root.join(sha256.to_string())
    }

    /// Takes the locks of `digests`, which are sorted so that two processes never wait for each other. `None` if
    /// cancelled.
    pub(super) async fn lock(
        &self,
        digests: &[Sha256],
        events: &Events,
        cancel: &CancellationToken,
    ) -> io::Result<Option<Vec<Lock>>> {
        let mut locks = Vec::new();
        for &digest in digests {
            fs_err::create_dir_all(self.folder(digest))?;
            let path = self.folder(digest).join(".lock");
            let mut lock = Lock::try_take(&path)?;
            if lock.is_none() {
                events.note(Part::Source, "waiting for another vmbuild that is fetching the same source");
                lock = Lock::take(&path, cancel).await?;
            }
            let Some(lock) = lock else { return Ok(None) };
            locks.push(lock);
        }
        Ok(Some(locks))
    }

    /// The file of this digest, hashed again. A damaged one is removed, with a warning. The caller holds the lock.
    pub(super) fn find(&self, digest: Sha256, events: &Events) -> io::Result<Option<CachedFile>> {
        for path in visible_files(&self.folder(digest))? {
            let (bytes, sha256) = vmbuild_archive::sha256_file(&path)?;
            let sha256 = Sha256::from(sha256);
            if sha256 == digest {
                let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return Ok(Some(CachedFile { path, file_name, bytes, sha256 }));
            }
            fs_err::remove_file(&path)?;
            let text = format!("removed a damaged source from the store: {} has sha256 {sha256}", path.display());
            events.warn(Part::Source, text);
        }
        Ok(None)
    }

    /// Moves a verified and synced file of this digest into its place.
    pub(super) fn adopt(&self, verified: &Path, sha256: Sha256, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder(sha256);
        fs_err::create_dir_all(&folder)?;
        let path = folder.join(safe_name(name));
        fs_err::set_permissions(verified, std::fs::Permissions::from_mode(0o644))?;
        fs_err::rename(verified, &path)?;
        sync_folder(&folder)?;
        sync_folder(&self.root)?;
        Ok(path)
    }
}

fn visible_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// A file name that hides nothing and needs no quoting; `source` if the given one does.
fn safe_name(name: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
    let safe = !name.is_empty() && !name.starts_with(['.', '-']) && name.len() < 200 && name.chars().all(plain);
    if safe { name } else { "source" }
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    fn check(input: &str, expect: &str) {
        assert_eq!(safe_name(input), expect);
    }

    #[test]
    fn unsafe_names_are_replaced() {
        check("Python-3.13.5.tar.xz", "Python-3.13.5.tar.xz");
        check("python3.13_3.13.5~rc1.orig.tar.xz", "python3.13_3.13.5~rc1.orig.tar.xz");
        check("", "source");
        check(".partial", "source");
        check("../x", "source");
        check("--help", "source");
        check("a b", "source");
    }
}
