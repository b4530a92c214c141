//! Replacing a file, without harm to anything that is not a file.
//!
//! A rename replaces whatever has the name: also a device such as `/dev/null`, a FIFO with a reader, or a
//! symbolic link whose target was meant. So every writer of a temporary file finds out here which name it gets: as with
//! cp(1), a symbolic link's target is replaced, not the link, and only a regular file is replaced.

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Errors of replacing a file.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The name belongs to something other than a regular file.
    #[error("{} is {kind}: it is not replaced", .path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// Its kind, with an article.
        kind: &'static str,
    },
    /// The name is a symbolic link whose target does not exist.
    #[error("{} is a dangling symbolic link: it is not written through", .0.display())]
    Dangling(PathBuf),
    /// The file system.
    #[error("could not {doing} {}", .path.display())]
    Io {
        /// The action that failed: `read`, `replace`, …
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl From<ReplaceError> for io::Error {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Io { source, .. } => source,
            refused => Self::new(ErrorKind::InvalidInput, refused),
        }
    }
}

/// Where new contents of a name go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplaceTarget {
    /// A regular file, or a name that is free. Contents are written to a temporary file and renamed.
    File {
        /// The file, behind any symbolic link.
        path: PathBuf,
        /// The permission bits of the file that is there.
        mode: Option<u32>,
    },
    /// A device or a FIFO. Contents are written into it.
    Stream(PathBuf),
}

impl ReplaceTarget {
    /// Finds out from the entry that has the name now.
    pub fn of(path: &Path) -> Result<Self, ReplaceError> {
        let io = |source| ReplaceError::Io { doing: "read", path: path.to_owned(), source };
        let about = match fs_err::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return free(path),
            about => about.map_err(io)?,
        };
        if about.is_file() {
            let link = fs_err::symlink_metadata(path).map_err(io)?.is_symlink();
            let path = if link { fs_err::canonicalize(path).map_err(io)? } else { path.to_owned() };
            return Ok(Self::File { path, mode: Some(about.permissions().mode() & 0o777) });
        }
        if is_stream(&about) { Ok(Self::Stream(path.to_owned())) } else { Err(not_a_file(path, file_type(&about))) }
    }
}

fn free(path: &Path) -> Result<ReplaceTarget, ReplaceError> {
    match fs_err::symlink_metadata(path) {
        Ok(_) => Err(ReplaceError::Dangling(path.to_owned())),
        Err(_) => Ok(ReplaceTarget::File { path: path.to_owned(), mode: None }),
    }
}

/// The file to replace, for contents that belong into a regular file.
pub fn replaceable(path: &Path) -> Result<PathBuf, ReplaceError> {
    match ReplaceTarget::of(path)? {
        ReplaceTarget::File { path, .. } => Ok(path),
        ReplaceTarget::Stream(path) => {
            let found = fs_err::metadata(&path).map_or(FileType::Unknown, |about| file_type(&about));
            Err(not_a_file(&path, found))
        }
    }
}

/// Gives the file `arrived` the name `path`, or that of the file that `path` links to. Both may lie on different file
/// systems.
pub fn replace(arrived: &Path, path: &Path) -> Result<(), ReplaceError> {
    let target = replaceable(path)?;
    let io = |source| ReplaceError::Io { doing: "replace", path: target.clone(), source };
    match rustix::fs::rename(arrived, &target) {
        Err(Errno::XDEV) => copy_over(arrived, &target).map_err(io)?,
        renamed => renamed.map_err(|errno| io(errno.into()))?,
    }
    sync_folder(folder_of(&target)).map_err(io)
}

fn copy_over(arrived: &Path, target: &Path) -> io::Result<()> {
    let mut from = fs_err::File::open(arrived)?;
    let mut copy = tempfile::Builder::new().prefix(".new-").tempfile_in(folder_of(target))?;
    io::copy(&mut from, &mut copy)?;
    copy.as_file().set_permissions(from.metadata()?.permissions())?;
    copy.as_file().sync_all()?;
    copy.persist(target).map_err(|refused| refused.error)?;
    fs_err::remove_file(arrived)
}

/// Opens a device or FIFO for writing. `None` as long as nothing reads from the FIFO, so that waiting for a reader can be
/// interrupted.
pub fn open_stream(path: &Path) -> Result<Option<File>, ReplaceError> {
    let io = |source| ReplaceError::Io { doing: "open", path: path.to_owned(), source };
    let fifo = file_type(&fs_err::metadata(path).map_err(io)?) == FileType::Fifo;
    let wait = if fifo { OFlags::NONBLOCK } else { OFlags::empty() };
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC | wait;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NXIO) if fifo => return Ok(None),
        opened => File::from(opened.map_err(|errno| io(errno.into()))?),
    };
    let about = file.metadata().map_err(io)?;
    if !is_stream(&about) {
        return Err(not_a_file(path, file_type(&about)));
    }
    let flags = rustix::fs::fcntl_getfl(&file).map_err(|errno| io(errno.into()))?;
    rustix::fs::fcntl_setfl(&file, flags & !OFlags::NONBLOCK).map_err(|errno| io(errno.into()))?;
    Ok(Some(file))
}

/// The error of a `path` that is not a regular file.
pub fn not_a_file(path: &Path, found: FileType) -> ReplaceError {
    let kind = match found {
        FileType::Directory => "a folder",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::RegularFile => "a regular file",
        _ => "not a regular file",
    };
    ReplaceError::NotAFile { path: path.to_owned(), kind }
}

fn is_stream(about: &Metadata) -> bool {
    matches!(file_type(about), FileType::CharacterDevice | FileType::BlockDevice | FileType::Fifo)
}

fn file_type(about: &Metadata) -> FileType {
    FileType::from_raw_mode(about.mode())
}

/// The folder that a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a rename in `folder` survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs_err::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{ReplaceError, ReplaceTarget, open_stream, replace, replaceable};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn is_refused(path: &Path, kind: &str) {
        let error = replaceable(path).unwrap_err();
        assert!(matches!(&error, ReplaceError::NotAFile { kind: found, .. } if *found == kind), "{error}");
        let arrived = path.with_file_name("arrived");
        fs_err::write(&arrived, "new").unwrap();
        assert!(replace(&arrived, path).is_err() && arrived.exists());
    }

    #[test]
    fn a_fifo_a_folder_and_a_socket_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(CWD, path("fifo"), Mode::RWXU).unwrap();
        symlink("fifo", path("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        is_refused(&path("fifo"), "a FIFO");
        is_refused(&path("link"), "a FIFO");
        is_refused(&path("socket"), "a socket");
        is_refused(folder.path(), "a folder");
        assert!(ReplaceTarget::of(&path("socket")).is_err());
        assert!(open_stream(&path("link")).unwrap().is_none(), "nobody reads");
        let mut reader = fs_err::OpenOptions::new().read(true).write(true).open(path("fifo")).unwrap();
        std::io::Write::write_all(&mut open_stream(&path("fifo")).unwrap().unwrap(), b"text").unwrap();
        let mut got = [0; 4];
        reader.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"text");
    }

    #[test]
    fn a_device_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (device, link) = (folder.path().join("device"), folder.path().join("link"));
        let null = rustix::fs::makedev(1, 3);
        if let Err(error) = mknodat(CWD, &device, FileType::CharacterDevice, Mode::RWXU, null) {
            println!("skipped: a_device_is_never_replaced: mknod: {error}");
            return;
        }
        symlink(&device, &link).unwrap();
        is_refused(&device, "a character device");
        is_refused(&link, "a character device");
        assert_eq!(ReplaceTarget::of(&link).unwrap(), ReplaceTarget::Stream(link));
    }

    #[test]
    fn a_links_target_is_replaced_and_a_dangling_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| fs_err::canonicalize(folder.path()).unwrap().join(name);
        fs_err::create_dir(path("in")).unwrap();
        fs_err::write(path("in/file"), "old").unwrap();
        fs_err::set_permissions(path("in/file"), std::fs::Permissions::from_mode(0o4640)).unwrap();
        symlink("in/file", path("link")).unwrap();
        symlink("none", path("dangling")).unwrap();
        let there = ReplaceTarget::File { path: path("in/file"), mode: Some(0o640) };
        assert_eq!(ReplaceTarget::of(&path("link")).unwrap(), there);
        fs_err::write(path("arrived"), "new").unwrap();
        replace(&path("arrived"), &path("link")).unwrap();
        assert!(path("link").is_symlink() && !path("arrived").exists());
        assert_eq!(fs_err::read_to_string(path("in/file")).unwrap(), "new");
        assert!(matches!(replaceable(&path("dangling")), Err(ReplaceError::Dangling(_))));
        let free = ReplaceTarget::File { path: path("free"), mode: None };
        assert_eq!(ReplaceTarget::of(&path("free")).unwrap(), free);
    }
}
