//! Folders below another, reached by descriptors.
//!
//! A path from elsewhere may lead anywhere. One name is opened at a time, without following symbolic
//! links: the kernel refuses, and nothing can change between the check and the use.

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// How folders below the top are opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A folder, and the way to those below it.
#[derive(Debug)]
pub struct BeneathDir {
    top: OwnedFd,
}

impl BeneathDir {
    /// Opens the folder at the top. A symbolic link to it is followed.
    pub fn open(top: &Path) -> Result<Self> {
        Ok(Self::new(rustix::fs::open(top, FOLDER & !OFlags::NOFOLLOW, Mode::empty())?))
    }

    /// Takes an open folder as the top.
    pub fn new(top: OwnedFd) -> Self {
        Self { top }
    }

    /// The top itself.
    pub fn top(&self) -> &OwnedFd {
        &self.top
    }

    /// Opens the folder at the end of `names`. Fails with `ELOOP` or `ENOTDIR` where one of them is a symbolic link or
    /// a file.
    pub fn folder<N: AsRef<OsStr>>(&self, names: impl IntoIterator<Item = N>) -> Result<OwnedFd> {
        self.walk(names, |_, _| Ok(()))
    }

    /// Like [`Self::folder`], and makes those that are missing.
    pub(crate) fn made_folder<N: AsRef<OsStr>>(&self, names: impl IntoIterator<Item = N>) -> Result<OwnedFd> {
        self.walk(names, |above, name| make_folder(above, name, Mode::from_raw_mode(0o755)))
    }

    fn walk<N: AsRef<OsStr>>(
        &self,
        names: impl IntoIterator<Item = N>,
        before: impl Fn(&OwnedFd, &OsStr) -> Result<()>,
    ) -> Result<OwnedFd> {
        let mut folder = rustix::io::fcntl_dupfd_cloexec(&self.top, 0)?;
        for name in names {
            before(&folder, name.as_ref())?;
            folder = enter(&folder, name.as_ref())?;
        }
        Ok(folder)
    }
}

/// Opens the folder `name` in `above`. Only a plain name is taken, which cannot lead anywhere else.
pub(crate) fn enter(above: impl AsFd, name: &OsStr) -> Result<OwnedFd> {
    let bytes = name.as_encoded_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    rustix::fs::openat(above, name, FOLDER, Mode::empty())
}

/// Makes a folder, unless something is there already.
pub(crate) fn make_folder(above: impl AsFd, name: &OsStr, mode: Mode) -> Result<()> {
    match rustix::fs::mkdirat(above, name, mode) {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::BeneathDir;
    use rustix::io::Errno;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_real_folders_below_the_top_are_entered() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs_err::create_dir_all(top.join("a/b")).unwrap();
        fs_err::write(top.join("file"), "").unwrap();
        symlink(folder.path(), top.join("link")).unwrap();
        let beneath = BeneathDir::open(&top).unwrap();
        let check = |names: &[&str]| beneath.folder(names).map(|_| ());
        assert_eq!((check(&[]), check(&["a"]), check(&["a", "b"])), (Ok(()), Ok(()), Ok(())));
        assert_eq!((check(&["file"]), check(&["none"])), (Err(Errno::NOTDIR), Err(Errno::NOENT)));
        assert!(matches!(check(&["link"]), Err(Errno::LOOP | Errno::NOTDIR)));
        for name in ["", ".", "..", "a/b", "link/", "/"] {
            assert_eq!(check(&[name]), Err(Errno::INVAL), "{name}");
        }
    }
}
