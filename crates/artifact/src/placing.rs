//! Moving a file to a name that nobody has: the kernel decides, not a look beforehand.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// Renames `from` to `to`, which must be on the same file system and must not exist.
///
/// Fails with [`io::ErrorKind::AlreadyExists`] if it does. File systems that know no such rename get a hard link,
/// which is refused just as reliably. Source: rename(2) `RENAME_NOREPLACE`; link(2).
pub(super) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_to_new(from, to),
        Err(error) => Err(naming(&error.into(), to)),
    }
}

fn link_to_new(from: &Path, to: &Path) -> io::Result<()> {
    fs_err::hard_link(from, to)?;
    fs_err::remove_file(from)
}

fn naming(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("failed to create {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{link_to_new, rename_to_new};
    use std::io;
    use std::path::Path;

    fn check(place: fn(&Path, &Path) -> io::Result<()>) {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs_err::write(&from, "new").expect("writing");
        place(&from, &to).expect("nothing is there");
        assert!(!from.exists());
        fs_err::write(&from, "newer").expect("writing");
        assert_eq!(place(&from, &to).expect_err("something is there").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs_err::read_to_string(&to).expect("reading"), "new");
        assert!(from.exists(), "what was not moved stays");
    }

    #[test]
    fn neither_way_overwrites() {
        check(rename_to_new);
        check(link_to_new);
    }

    #[test]
    fn the_error_names_the_file() {
        let error = rename_to_new(Path::new("/nonexistent/a"), Path::new("/nonexistent/b")).expect_err("no folder");
        assert!(error.to_string().contains("/nonexistent/b"), "{error}");
    }
}
