//! Giving what was made its name: beside it first, then there at once, and nothing replaced unasked.

use super::ExportError;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::path::{Path, PathBuf};

/// Whether something under the output's name gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// It stays: the export is refused.
    Kept,
    /// It is replaced.
    Replaced,
}

/// Where an export goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    output: PathBuf,
    folder: PathBuf,
    existing: Existing,
}

impl Place {
    /// Judges an output before anything is made for it.
    pub(super) fn new(output: &Path, existing: Existing) -> Result<Self, ExportError> {
        let output = std::path::absolute(output)?;
        let missing = || ExportError::NoFolder { path: output.clone() };
        let folder = output.parent().filter(|folder| folder.is_dir()).ok_or_else(missing)?.to_owned();
        let place = Self { folder, existing, output: output.clone() };
        let Ok(found) = output.symlink_metadata() else { return Ok(place) };
        if existing == Existing::Kept {
            return Err(ExportError::Exists { path: output });
        }
        if found.is_dir() && !output.join("oci-layout").is_file() {
            return Err(ExportError::Foreign { path: output });
        }
        Ok(place)
    }

    /// The output, as an absolute path.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// A folder to work in, on the output's own file system.
    pub(super) fn work(&self) -> Result<tempfile::TempDir, ExportError> {
        Ok(tempfile::Builder::new().prefix(".new-export-").tempdir_in(&self.folder)?)
    }

    /// Renames `made`, which is on disk already, to the output. What it replaces goes into `work`.
    pub(super) fn put(&self, made: &Path, work: &Path) -> Result<(), ExportError> {
        if self.existing == Existing::Replaced && self.output.is_dir() {
            fs_err::rename(&self.output, work.join("replaced"))?;
        }
        let flags = match self.existing {
            Existing::Kept => RenameFlags::NOREPLACE,
            Existing::Replaced => RenameFlags::empty(),
        };
        match renameat_with(CWD, made, CWD, &self.output, flags) {
            Err(rustix::io::Errno::EXIST) => return Err(ExportError::Exists { path: self.output.clone() }),
            // A file system that cannot promise it: the name was free a moment ago.
            Err(rustix::io::Errno::INVAL) => fs_err::rename(made, &self.output)?,
            other => other.map_err(std::io::Error::from)?,
        }
        Ok(crate::store::sync_folder(&self.folder)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Existing, ExportError, Place};

    #[test]
    fn nothing_is_replaced_unasked() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("out");
        let made = folder.path().join("made");
        let place = Place::new(&output, Existing::Kept).expect("a free name");
        fs_err::write(&made, "new").expect("written");
        fs_err::write(&output, "old").expect("written");
        let work = place.work().expect("a folder");
        assert!(matches!(place.put(&made, work.path()), Err(ExportError::Exists { .. })));
        assert!(matches!(Place::new(&output, Existing::Kept), Err(ExportError::Exists { .. })));
        Place::new(&output, Existing::Replaced).expect("allowed").put(&made, work.path()).expect("placed");
        assert_eq!(fs_err::read_to_string(&output).expect("read"), "new");
    }

    #[test]
    fn a_folder_of_somebody_elses_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("out");
        fs_err::create_dir(&output).expect("made");
        assert!(matches!(Place::new(&output, Existing::Replaced), Err(ExportError::Foreign { .. })));
        fs_err::write(output.join("oci-layout"), "{}").expect("written");
        assert!(Place::new(&output, Existing::Replaced).is_ok());
        let nowhere = folder.path().join("none/out");
        assert!(matches!(Place::new(&nowhere, Existing::Kept), Err(ExportError::NoFolder { .. })));
    }
}
