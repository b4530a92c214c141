//! Which version of a file a partial download is the beginning of.
//!
//! Without it, a server whose file has changed meanwhile would send the rest of another file. It lies beside the
//! partial file, and goes when that is whole.

use crate::download::Validators;
use std::io;
use std::path::{Path, PathBuf};
use vmbuild_core::store::write_atomically;

/// The small file beside a partial one.
#[derive(Debug)]
pub(crate) struct VersionFile(PathBuf);

impl VersionFile {
    /// The one beside `partial`.
    pub(crate) fn of(partial: &Path) -> Self {
        let mut name = partial.as_os_str().to_owned();
        name.push(".version");
        Self(name.into())
    }

    /// What it says; nothing if it is missing or damaged, since the digest decides in the end.
    pub(crate) fn read(&self) -> Validators {
        fs_err::read(&self.0).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Notes the version whose beginning is about to be written. A version without a name leaves no file.
    pub(crate) fn write(&self, version: &Validators) -> io::Result<()> {
        if version.for_range().is_none() {
            self.remove();
            return Ok(());
        }
        write_atomically(&self.0, &serde_json::to_vec(version)?)
    }

    /// Removes it.
    pub(crate) fn remove(&self) {
        // One that is left over says something about a file that is gone, and is replaced with the next one.
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
