//! The artifact, unpacked into a fresh folder that goes away again.

use super::subject::CheckSubject;
use crate::blocking::run_blocking;
use crate::failure::error_chain;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// An unpacked artifact. Removed by [`UnpackedArtifact::remove`], or at the latest when it is dropped.
pub(super) struct UnpackedArtifact {
    folder: UnpackFolder,
    prefix: PathBuf,
}

/// Dropping it removes it with everything in it.
struct UnpackFolder(PathBuf);

impl UnpackedArtifact {
    /// Unpacks the artifact into a folder next to it.
    pub(super) async fn unpack(subject: &CheckSubject<'_>) -> Result<Self, String> {
        let path = subject.folder.join(format!(".validate-{}", subject.request.mark));
        let archive = subject.archive.clone();
        let unpacked = run_blocking(move || {
            fs_err::create_dir(&path).map_err(|error| error.to_string())?;
            let folder = UnpackFolder(path);
            vmbuild_archive::unpack(&archive, &folder.0).map_err(|error| error_chain(&error))?;
            Ok::<_, String>(folder)
        });
        let folder = unpacked.await?;
        let prefix = folder.0.join(&subject.order.interpreter.prefix);
        Ok(Self { folder, prefix })
    }

    /// The folder that holds everything.
    pub(super) fn root(&self) -> &Path {
        &self.folder.0
    }

    /// The interpreter's own folder in it.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// A program of the interpreter.
    pub(super) fn bin(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }

    /// Removes it, off the thread that serves the host.
    pub(super) async fn remove(self) {
        run_blocking(move || drop(self)).await;
    }
}

impl Drop for UnpackFolder {
    fn drop(&mut self) {
        open_up(&self.0);
        // A machine that only validates is thrown away: leftovers cost nothing but space.
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

/// A path without links in it, so that two can be compared.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, String> {
    fs_err::canonicalize(path).map_err(|error| error.to_string())
}

/// Makes every folder writable: in one that is not, nothing can be removed. Links are not followed.
fn open_up(folder: &Path) {
    let open = fs_err::set_permissions(folder, PermissionsExt::from_mode(0o700));
    for inner in open.and_then(|()| folders_in(folder)).unwrap_or_default() {
        open_up(&inner);
    }
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::{UnpackFolder, open_up};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_read_only_tree_goes_away() {
        let outer = tempfile::tempdir().unwrap();
        let (folder, inner) = (outer.path().join("t"), outer.path().join("t/a/b"));
        fs_err::create_dir_all(&inner).unwrap();
        fs_err::write(inner.join("file"), "").unwrap();
        for path in [&inner, &folder] {
            fs_err::set_permissions(path, PermissionsExt::from_mode(0o500)).unwrap();
        }
        // Root may remove them anyway; that they become writable is what helps everybody else.
        open_up(&folder);
        assert_eq!(fs_err::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
        drop(UnpackFolder(folder.clone()));
        assert!(!folder.exists());
    }
}
