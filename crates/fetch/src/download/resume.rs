//! The version of the file that a partial download belongs to.
//!
//! Without it, a server whose file has changed meanwhile would send the rest of another file. It is stored next to the
//! partial file, and deleted when that is complete.

use crate::download::Validators;
use std::io;
use std::path::{Path, PathBuf};
use vmbuild_core::store::write_atomically;

/// The file next to a partial one.
#[derive(Debug)]
pub(crate) struct VersionFile(PathBuf);

impl VersionFile {
    /// The file next to `partial`.
    pub(crate) fn of(partial: &Path) -> Self {
        let mut name = partial.as_os_str().to_owned();
        name.push(".version");
        Self(name.into())
    }

    /// Its validators; empty if it is missing or damaged, since the digest decides in the end.
    pub(crate) fn read(&self) -> Validators {
        fs_err::read(&self.0).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Stores the version whose beginning is about to be written. A version without validators leaves no file.
    pub(crate) fn write(&self, version: &Validators) -> io::Result<()> {
        if version.for_range().is_none() {
            self.remove();
            return Ok(());
        }
        write_atomically(&self.0, &serde_json::to_vec(version)?)
    }

    /// Removes it.
    pub(crate) fn remove(&self) {
        // A leftover file belongs to a deleted download, and is replaced by the next one.
        let _ = fs_err::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::VersionFile;
    use crate::download::Validators;

    fn check(etag: Option<&str>, last_modified: Option<&str>, expect: Option<&str>) {
        let version = Validators { etag: etag.map(str::to_owned), last_modified: last_modified.map(str::to_owned) };
        let folder = tempfile::tempdir().expect("a folder");
        let file = VersionFile::of(&folder.path().join(".partial"));
        file.write(&Validators { etag: Some("\"older\"".to_owned()), last_modified: None }).expect("writing");
        file.write(&version).expect("writing");
        assert_eq!(file.read().for_range(), expect);
    }

    #[test]
    fn only_a_strong_version_is_kept() {
        check(Some("\"a\""), None, Some("\"a\""));
        check(Some("\"a\""), Some("Sat, 21 Nov 2026 00:00:00 GMT"), Some("\"a\""));
        check(Some("W/\"a\""), Some("Sat, 21 Nov 2026 00:00:00 GMT"), Some("Sat, 21 Nov 2026 00:00:00 GMT"));
        check(Some("W/\"a\""), None, None);
        check(None, None, None);
    }
}
