//! Unpacking an archive that may be hostile.
//!
//! A name in an archive is a request to write somewhere. Names that do so openly (absolute, `..`) are refused by
//! [`InsidePath`]. Names that go through a link put there by an earlier entry, or that lay there already, are caught by
//! walking down from the root folder one name at a time, each opened without following links: the kernel refuses,
//! and nothing can change between the check and the use.

use crate::beneath::{BeneathDir, enter, make_folder};
use crate::entry::{InsidePath, MODE_BITS};
use crate::error::{ArchiveError, EntryRefusal, io};
use crate::list::{drain, open};
use rustix::fs::{AtFlags, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tar::EntryType;

/// Summary of an unpacked archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackSummary {
    /// Entries unpacked.
    pub entries: u64,
    /// Bytes of files written.
    pub bytes: u64,
}

/// Unpacks a gzip-compressed tar archive into the folder `into`, which must exist.
///
/// Files keep their permissions and times, but no setuid, setgid or sticky bit and no owner. Nothing that is there
/// already is replaced. Stops at the first entry it refuses; nothing was then written outside `into`, and the
/// caller must remove the files inside it.
pub fn unpack(archive: &Path, into: &Path) -> Result<UnpackSummary, ArchiveError> {
    let root = BeneathDir::open(into).map_err(|errno| io("open", into)(errno.into()))?;
    let mut reader = open(archive)?;
    let mut unpacker = ArchiveUnpacker { root, files: BTreeSet::new(), entries: 0, bytes: 0 };
    for entry in reader.entries().map_err(io("read", archive))? {
        let mut entry = entry.map_err(io("read", archive))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        unpacker.entry(&mut entry).map_err(|problem| match problem {
            EntryProblem::Refused(why) => ArchiveError::Refused { archive: archive.to_owned(), entry: name, why },
            EntryProblem::Read(error) => io("read", archive)(error),
            EntryProblem::Write(error) => io("write", &into.join(name))(error),
        })?;
    }
    drain(reader).map_err(io("read", archive))?;
    Ok(UnpackSummary { entries: unpacker.entries, bytes: unpacker.bytes })
}

const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Errors of one entry.
enum EntryProblem {
    Refused(EntryRefusal),
    Read(std::io::Error),
    Write(std::io::Error),
}

impl From<EntryRefusal> for EntryProblem {
    fn from(why: EntryRefusal) -> Self {
        Self::Refused(why)
    }
}

impl From<Errno> for EntryProblem {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EXIST => Self::Refused(EntryRefusal::Twice),
            Errno::LOOP | Errno::NOTDIR => Self::Refused(EntryRefusal::NotBelowFolder),
            other => Self::Write(other.into()),
        }
    }
}

struct ArchiveUnpacker {
    root: BeneathDir,
    /// The files written, which a hard link may name.
    files: BTreeSet<InsidePath>,
    entries: u64,
    bytes: u64,
}

impl ArchiveUnpacker {
    fn entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), EntryProblem> {
        // Facts about the whole archive, such as the commit it was made from: nothing to unpack.
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return Ok(());
        }
        let path = InsidePath::new(&entry.path().map_err(EntryProblem::Read)?)?;
        match entry.header().entry_type() {
            EntryType::Directory => self.folder(&path, mode(entry)?)?,
            EntryType::Regular | EntryType::Continuous => self.file(path, entry)?,
            EntryType::Symlink => self.symlink(&path, &target(entry)?)?,
            EntryType::Link => self.hard_link(path, &target(entry)?)?,
            _ => return Err(EntryRefusal::Kind.into()),
        }
        self.entries += 1;
        Ok(())
    }

    /// Opens the folder at the end of `names`, making those that are missing.
    fn descend(&self, names: &[OsString]) -> Result<OwnedFd, EntryProblem> {
        Ok(self.root.made_folder(names)?)
    }

    fn folder(&self, path: &InsidePath, mode: Mode) -> Result<(), EntryProblem> {
        let Some((above, name)) = path.split() else {
            return Ok(());
        };
        let above = self.descend(above)?;
        make_folder(&above, name, mode)?;
        // Opening fails if it is not a folder: the same folder may occur twice, but a link may not replace it.
        let folder = enter(&above, name).map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => EntryProblem::Refused(EntryRefusal::Twice),
            other => other.into(),
        })?;
        // The owner can always write into it: later entries go there.
        Ok(rustix::fs::fchmod(&folder, mode | Mode::RWXU)?)
    }

    fn file<R: Read>(&mut self, path: InsidePath, entry: &mut tar::Entry<'_, R>) -> Result<(), EntryProblem> {
        let (above, name) = path.split().ok_or(EntryRefusal::Nameless)?;
        let mode = mode(entry)?;
        let mtime = entry.header().mtime().map_err(EntryProblem::Read)?;
        let mut file = File::from(rustix::fs::openat(self.descend(above)?, name, NEW_FILE, mode)?);
        let written = copy(entry, &mut file)?;
        if written != entry.size() {
            return Err(EntryProblem::Read(std::io::ErrorKind::UnexpectedEof.into()));
        }
        self.bytes += written;
        // The mode once more: the process's umask was taken off it.
        rustix::fs::fchmod(&file, mode)?;
        rustix::fs::futimens(&file, &at(mtime))?;
        self.files.insert(path);
        Ok(())
    }

    fn symlink(&self, path: &InsidePath, target: &Path) -> Result<(), EntryProblem> {
        path.judge_symlink(target)?;
        let (above, name) = path.split().ok_or(EntryRefusal::Nameless)?;
        Ok(rustix::fs::symlinkat(target, self.descend(above)?, name)?)
    }

    fn hard_link(&mut self, path: InsidePath, target: &Path) -> Result<(), EntryProblem> {
        let target = InsidePath::new(target).map_err(|_| EntryRefusal::LeadsOut)?;
        if !self.files.contains(&target) {
            return Err(EntryRefusal::NoSuchFile.into());
        }
        let (from_above, from) = target.split().ok_or(EntryRefusal::Nameless)?;
        let (above, name) = path.split().ok_or(EntryRefusal::Nameless)?;
        rustix::fs::linkat(self.descend(from_above)?, from, self.descend(above)?, name, AtFlags::empty())?;
        self.files.insert(path);
        Ok(())
    }
}

fn mode<R: Read>(entry: &tar::Entry<'_, R>) -> Result<Mode, EntryProblem> {
    entry.header().mode().map(|mode| Mode::from_raw_mode((mode & MODE_BITS) as RawMode)).map_err(EntryProblem::Read)
}

fn target<R: Read>(entry: &tar::Entry<'_, R>) -> Result<PathBuf, EntryProblem> {
    let bytes = entry.link_name_bytes().ok_or(EntryRefusal::LeadsOut)?;
    Ok(Path::new(OsStr::from_bytes(&bytes)).to_owned())
}

/// Copies an entry's bytes; the error names the side that failed.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<u64, EntryProblem> {
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let got = from.read(&mut buffer).map_err(EntryProblem::Read)?;
        if got == 0 {
            return Ok(bytes);
        }
        to.write_all(&buffer[..got]).map_err(EntryProblem::Write)?;
        bytes += got as u64;
    }
}

fn at(seconds: u64) -> Timestamps {
    let time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(0), tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
