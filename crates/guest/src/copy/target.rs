//! The place on this host where a copy arrives. Below the top folder every name is opened relative to the folder above
//! it and no symbolic link is followed, be it the guest's, this host's, or one put there meanwhile.

use super::{CopyError, name};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use vmbuild_archive::{BeneathDir, not_a_file};

/// A folder must be writable while it is being filled, whatever its final mode.
const FILLING: Mode = Mode::RWXU;

/// The folder that a tree is copied to.
pub(super) struct CopyTarget {
    path: PathBuf,
    top: BeneathDir,
}

impl CopyTarget {
    /// Creates the top folder, or uses an existing one.
    pub(super) fn make(path: &Path) -> Result<Self, CopyError> {
        match fs_err::create_dir(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made?,
        }
        let top = writable(rustix::fs::CWD, path, OFlags::empty()).map_err(|errno| in_the_way(path, errno))?;
        Ok(Self { path: path.to_owned(), top: BeneathDir::new(top) })
    }

    /// Where an entry below the top goes.
    pub(super) fn entry(&self, entry: &str) -> Result<TargetEntry, CopyError> {
        let (above, name) = entry.rsplit_once('/').unwrap_or(("", entry));
        let path = self.path.join(entry);
        let folder = self.top.folder(names(above)).map_err(|errno| in_the_way(&path, errno))?;
        Ok(TargetEntry { folder, name: name.to_owned(), path })
    }

    /// Gives a folder its mode.
    pub(super) fn finish(&self, entry: &str, mode: u32) -> Result<(), CopyError> {
        let path = self.path.join(entry);
        let folder = self.top.folder(names(entry)).map_err(|errno| in_the_way(&path, errno))?;
        Ok(rustix::fs::fchmod(folder, bits(mode)).map_err(|errno| named("set permissions of", &path, errno))?)
    }
}

/// A name in an open folder.
pub(super) struct TargetEntry {
    folder: OwnedFd,
    name: String,
    path: PathBuf,
}

impl TargetEntry {
    /// The user's own choice of a name: links on the way to it are followed.
    pub(super) fn chosen(path: &Path) -> Result<Self, CopyError> {
        let no_name = || CopyError::NoName(path.display().to_string());
        let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(no_name)?;
        let name = name.to_str().ok_or_else(|| CopyError::NotUtf8(path.to_owned()))?.to_owned();
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let opened = BeneathDir::open(folder).and_then(|folder| folder.folder::<&str>([]));
        Ok(Self { folder: opened.map_err(|errno| named("open", folder, errno))?, name, path: path.to_owned() })
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a folder, or uses an existing one.
    pub(super) fn make_folder(&self) -> Result<(), CopyError> {
        match rustix::fs::mkdirat(&self.folder, &self.name, FILLING) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(named("create", &self.path, errno).into()),
        }
        let made = writable(&self.folder, Path::new(&self.name), OFlags::NOFOLLOW);
        made.map(drop).map_err(|errno| in_the_way(&self.path, errno))
    }

    /// Creates a symbolic link, in place of a file or link.
    pub(super) fn make_link(&self, target: &str) -> Result<(), CopyError> {
        self.kept_mode()?;
        let made = match rustix::fs::symlinkat(target, &self.folder, &self.name) {
            Err(Errno::EXIST) => rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty())
                .and_then(|()| rustix::fs::symlinkat(target, &self.folder, &self.name)),
            made => made,
        };
        Ok(made.map_err(|errno| named("create", &self.path, errno))?)
    }

    /// The mode of the file that is there. Anything but a file or a symbolic link refuses to be replaced.
    pub(super) fn kept_mode(&self) -> Result<Option<u32>, CopyError> {
        let found = match rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            found => found.map_err(|errno| named("read", &self.path, errno))?,
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Ok(Some(found.st_mode & 0o777)),
            FileType::Symlink => Ok(None),
            other => Err(not_a_file(&self.path, other).into()),
        }
    }

    /// Opens the partial file. It must have no other name: somebody else may have put it there.
    pub(super) fn arriving(&self) -> Result<File, CopyError> {
        self.kept_mode()?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = |flags| {
            let opened = rustix::fs::openat(&self.folder, self.arriving_name(), flags, Mode::RUSR | Mode::WUSR);
            opened.map_err(|errno| named("open", &self.path.with_file_name(self.arriving_name()), errno))
        };
        let opened = open(flags)?;
        let about = rustix::fs::fstat(&opened).map_err(io::Error::from)?;
        if FileType::from_raw_mode(about.st_mode) == FileType::RegularFile && about.st_nlink == 1 {
            return Ok(opened.into());
        }
        self.forget()?;
        Ok(open(flags | OFlags::EXCL)?.into())
    }

    /// Removes the partial file.
    pub(super) fn forget(&self) -> Result<(), CopyError> {
        let removed = rustix::fs::unlinkat(&self.folder, self.arriving_name(), AtFlags::empty());
        Ok(removed.map_err(|errno| named("remove", &self.path.with_file_name(self.arriving_name()), errno))?)
    }

    /// Gives the partial file its name, with the mode of the file that is there or else `mode`.
    pub(super) fn place(&self, arrived: &File, mode: u32) -> Result<(), CopyError> {
        let mode = bits(self.kept_mode()?.unwrap_or(mode));
        let placed = rustix::fs::fchmod(arrived, mode)
            .and_then(|()| rustix::fs::fsync(arrived))
            .and_then(|()| rustix::fs::renameat(&self.folder, self.arriving_name(), &self.folder, &self.name))
            .and_then(|()| rustix::fs::fsync(&self.folder));
        Ok(placed.map_err(|errno| named("write", &self.path, errno))?)
    }

    fn arriving_name(&self) -> String {
        name::arriving(&self.name)
    }
}

/// Opens a folder, which its owner may write to from then on.
fn writable(at: impl AsFd, path: &Path, nofollow: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | nofollow;
    let open = |access| rustix::fs::openat(&at, path, flags | access, Mode::empty());
    let mode = |folder: &OwnedFd| rustix::fs::fstat(folder).map(|about| Mode::from_raw_mode(about.st_mode & 0o7777));
    let folder = match open(OFlags::RDONLY) {
        Err(Errno::ACCESS) => {
            // Not readable: this descriptor only names it, which `fchmod` does not accept.
            let named = open(OFlags::PATH)?;
            rustix::fs::chmod(format!("/proc/self/fd/{}", named.as_raw_fd()), mode(&named)? | FILLING)?;
            open(OFlags::RDONLY)?
        }
        opened => opened?,
    };
    let has = mode(&folder)?;
    if !has.contains(FILLING) {
        rustix::fs::fchmod(&folder, has | FILLING)?;
    }
    Ok(folder)
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|_| !path.is_empty())
}

fn bits(mode: u32) -> Mode {
    Mode::from_raw_mode(mode as RawMode)
}

fn in_the_way(path: &Path, errno: Errno) -> CopyError {
    match errno {
        Errno::LOOP | Errno::NOTDIR => CopyError::InTheWay(path.to_owned()),
        other => named("open", path, other).into(),
    }
}

fn named(doing: &str, path: &Path, errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("failed to {doing} `{}`: {error}", path.display()))
}
