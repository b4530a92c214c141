//! Moving an export to its destination: by one rename, and without replacing anything unless asked.

use super::ExportError;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::path::{Path, PathBuf};

/// Policy for an existing output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExistingOutput {
    /// It is kept: the export is refused.
    Kept,
    /// It is replaced.
    Replaced,
}

/// The destination of an export.
#[derive(Debug, Clone)]
pub(super) struct ExportDestination {
    output: PathBuf,
    folder: PathBuf,
    existing: ExistingOutput,
}

impl ExportDestination {
    /// Validates an output before anything is made for it.
    pub(super) fn new(output: &Path, existing: ExistingOutput) -> Result<Self, ExportError> {
        let output = std::path::absolute(output)?;
        let missing = || ExportError::NoFolder { path: output.clone() };
        let folder = output.parent().filter(|folder| folder.is_dir()).ok_or_else(missing)?.to_owned();
        if output.symlink_metadata().is_err() {
            return Ok(Self { output, folder, existing });
        }
        if existing == ExistingOutput::Kept {
            return Err(ExportError::Exists { path: output });
        }
        // The target of a link is replaced, not the link.
        let is_folder = output.is_dir();
        let output = if is_folder { fs_err::canonicalize(&output)? } else { vmbuild_archive::replaceable(&output)? };
        if is_folder && !output.join("oci-layout").is_file() {
            return Err(ExportError::Foreign { path: output });
        }
        let folder = output.parent().map_or(folder, Path::to_owned);
        Ok(Self { output, folder, existing })
    }

    /// The output, as an absolute path.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// A folder to work in, on the output's own file system.
    pub(super) fn work(&self) -> Result<tempfile::TempDir, ExportError> {
        Ok(tempfile::Builder::new().prefix(".new-export-").tempdir_in(&self.folder)?)
    }

    /// Renames `made`, which is synced, to the output. A folder that it replaces is moved into `work`.
    pub(super) fn put(&self, made: &Path, work: &Path) -> Result<(), ExportError> {
        if self.existing == ExistingOutput::Replaced && self.output.is_dir() {
            fs_err::rename(&self.output, work.join("replaced"))?;
        }
        if self.existing == ExistingOutput::Replaced {
            return Ok(vmbuild_archive::replace(made, &self.output)?);
        }
        match renameat_with(CWD, made, CWD, &self.output, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::EXIST) => return Err(ExportError::Exists { path: self.output.clone() }),
            // The file system does not support it; the name was free a moment ago.
            Err(rustix::io::Errno::INVAL) => vmbuild_archive::replace(made, &self.output)?,
            other => other.map_err(std::io::Error::from)?,
        }
        Ok(vmbuild_core::store::sync_folder(&self.folder)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{CWD, ExistingOutput, ExportDestination, ExportError};
    use std::os::unix::fs::symlink;
    use vmbuild_core::failure::{Diagnose, Exit};

    #[test]
    fn nothing_is_replaced_unasked() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("out");
        let made = folder.path().join("made");
        let place = ExportDestination::new(&output, ExistingOutput::Kept).expect("a free name");
        fs_err::write(&made, "new").expect("written");
        fs_err::write(&output, "old").expect("written");
        let work = place.work().expect("a folder");
        assert!(matches!(place.put(&made, work.path()), Err(ExportError::Exists { .. })));
        assert!(matches!(ExportDestination::new(&output, ExistingOutput::Kept), Err(ExportError::Exists { .. })));
        ExportDestination::new(&output, ExistingOutput::Replaced)
            .expect("allowed")
            .put(&made, work.path())
            .expect("placed");
        assert_eq!(fs_err::read_to_string(&output).expect("read"), "new");
    }

    #[test]
    fn other_folders_are_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("out");
        fs_err::create_dir(&output).expect("made");
        assert!(matches!(ExportDestination::new(&output, ExistingOutput::Replaced), Err(ExportError::Foreign { .. })));
        fs_err::write(output.join("oci-layout"), "{}").expect("written");
        assert!(ExportDestination::new(&output, ExistingOutput::Replaced).is_ok());
        let nowhere = folder.path().join("none/out");
        assert!(matches!(ExportDestination::new(&nowhere, ExistingOutput::Kept), Err(ExportError::NoFolder { .. })));
    }

    #[test]
    fn devices_are_kept_and_a_links_target_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(CWD, path("fifo"), rustix::fs::Mode::RWXU).expect("a FIFO");
        symlink("fifo", path("to-fifo")).expect("a link");
        symlink("none", path("dangling")).expect("a link");
        for (name, text) in [("fifo", "is a FIFO"), ("to-fifo", "is a FIFO"), ("dangling", "dangling symbolic link")] {
            let refused = ExportDestination::new(&path(name), ExistingOutput::Replaced).expect_err("not a file");
            assert!(refused.to_string().contains(text), "{refused}");
            assert_eq!(refused.exit(), Exit::Usage);
        }
        fs_err::create_dir(path("elsewhere")).expect("made");
        fs_err::write(path("elsewhere/file"), "old").expect("written");
        symlink("elsewhere/file", path("link")).expect("a link");
        fs_err::write(path("made"), "new").expect("written");
        let place = ExportDestination::new(&path("link"), ExistingOutput::Replaced).expect("a file");
        let work = place.work().expect("a folder");
        place.put(&path("made"), work.path()).expect("placed");
        assert_eq!(fs_err::read_to_string(path("elsewhere/file")).expect("read"), "new");
        assert!(path("link").is_symlink());
        // A FIFO that comes while the export is made.
        let late = ExportDestination::new(&path("late"), ExistingOutput::Replaced).expect("a free name");
        rustix::fs::mkfifoat(CWD, path("late"), rustix::fs::Mode::RWXU).expect("a FIFO");
        fs_err::write(path("made"), "new").expect("written");
        assert!(matches!(late.put(&path("made"), work.path()), Err(ExportError::Replace(_))));
    }
}
