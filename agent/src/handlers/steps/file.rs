//! Steps that write or look for files.

use crate::blocking::run_blocking;
use crate::failure::{failure, io_failure};
use fs_err::os::unix::fs::OpenOptionsExt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use vmbuild_protocol::{FailureKind, RequestFailure};

/// Writes a small file: it appears under its name only when whole.
pub(super) fn write(path: &str, contents: &str, mode: u32) -> Result<(), RequestFailure> {
    let path = absolute(path)?;
    write_whole(path, contents, mode).map_err(|error| io_failure(&error))
}

fn write_whole(path: &Path, contents: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::IsADirectory)?;
    fs_err::create_dir_all(folder)?;
    let path = &vmbuild_archive::replaceable(path)?;
    let partial = path.with_added_extension("vmbuild-partial");
    let mut file = fs_err::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(contents.as_bytes())?;
    // Apart from `open`, whose mode the umask cuts.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode & 0o7777))?;
    file.sync_all()?;
    fs_err::rename(&partial, path)
}

/// Demands that at least `at_least` files whose names end in `suffix` are under a folder. Returns how many are.
pub(super) async fn require(under: &str, suffix: &str, at_least: u32, otherwise: &str) -> Result<u64, RequestFailure> {
    let (folder, end) = (absolute(under)?.to_owned(), suffix.to_owned());
    let counted = run_blocking(move || count_files(folder, &end)).await;
    let found = counted.map_err(|error| io_failure(&error))?;
    if found >= u64::from(at_least) {
        return Ok(found);
    }
    let seen = format!("{found} files with `{suffix}` under {under}, at least {at_least} expected");
    Err(failure(FailureKind::Unconvincing, format!("{otherwise}: {seen}")))
}

/// Counts regular files. Links are not followed: one could lead in a circle. A missing folder has none.
fn count_files(folder: PathBuf, suffix: &str) -> io::Result<u64> {
    let (mut found, mut folders) = (0, vec![folder]);
    while let Some(folder) = folders.pop() {
        let entries = match fs_err::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.file_name().as_encoded_bytes().ends_with(suffix.as_bytes()) {
                found += 1;
            }
        }
    }
    Ok(found)
}

fn absolute(path: &str) -> Result<&Path, RequestFailure> {
    let given = Path::new(path);
    if given.is_absolute() {
        return Ok(given);
    }
    Err(failure(FailureKind::Invalid, format!("`{path}` is not an absolute path")))
}

#[cfg(test)]
mod tests {
    use super::{require, write};
    use std::os::unix::fs::PermissionsExt;
    use vmbuild_protocol::FailureKind;

    #[test]
    fn a_file_appears_whole_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.sh");
        for contents in ["#!/bin/sh\n", "second"] {
            write(path.to_str().unwrap(), contents, 0o755).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), contents);
        }
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
        assert_eq!(fs_err::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left behind");
        assert_eq!(write("relative", "", 0o644).unwrap_err().kind, FailureKind::Invalid);
        assert_eq!(write(&format!("{}/x", path.display()), "", 0o644).unwrap_err().kind, FailureKind::Io);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn files_are_counted_by_suffix() {
        let folder = tempfile::tempdir().unwrap();
        let under = folder.path().to_str().unwrap();
        fs_err::create_dir(folder.path().join("deep.gcda")).unwrap();
        for name in ["a.gcda", "deep.gcda/b.gcda", "c.gcno"] {
            fs_err::write(folder.path().join(name), "").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop.gcda")).unwrap();
        assert_eq!(require(under, ".gcda", 2, "").await, Ok(2));
        let failure = require(under, ".gcda", 3, "training left no profile").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unconvincing);
        let expect = format!("training left no profile: 2 files with `.gcda` under {under}, at least 3 expected");
        assert_eq!(failure.message, expect);
        let missing = require(&format!("{under}/none"), ".gcda", 1, "x").await.unwrap_err();
        assert_eq!(missing.kind, FailureKind::Unconvincing);
    }
}
