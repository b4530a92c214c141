//! From a guest to this host.

use super::{Copied, CopyError, Depth, Meter, name};
use crate::event::Running;
use crate::guest::{Had, Session, SessionError};
use crate::store::sync_folder;
use std::fs::Permissions;
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{Entry, EntryKind, FailureKind};

/// A folder that is being filled must be writable, whatever it is to be in the end.
const FILLING: u32 = 0o700;
/// A guest decides on no more: its set-user-id bits would count for the user here.
const FOLDER_BITS: u32 = 0o1777;
const FILE_BITS: u32 = 0o777;

/// Copies a file or tree from an absolute path in the guest; into `to`, if that is a folder.
pub async fn receive(
    session: &Session,
    (from, depth): (&str, Depth),
    to: &Path,
    phase: &Running,
    cancel: &CancellationToken,
) -> Result<Copied, CopyError> {
    let entries = session.list(from, depth.folders(), cancel).await?;
    let root = entries.first().ok_or_else(|| CopyError::Missing(from.to_owned()))?;
    name::check(&entries)?;
    if depth == Depth::File && root.kind == EntryKind::Folder {
        return Err(CopyError::Folder(from.to_owned()));
    }
    let into = to.is_dir() || to.as_os_str().as_encoded_bytes().ends_with(b"/");
    let to = if into { to.join(name::last(from)?) } else { to.to_owned() };
    let mut receiving = Receiving { session, from, to: &to, cancel, meter: Meter::new(phase, &entries) };
    for entry in &entries {
        receiving.entry(entry).await?;
    }
    for entry in entries.iter().rev().filter(|entry| entry.kind == EntryKind::Folder) {
        fs_err::set_permissions(receiving.place(entry), Permissions::from_mode(entry.mode & FOLDER_BITS))?;
    }
    Ok(receiving.meter.copied)
}

struct Receiving<'a> {
    session: &'a Session,
    from: &'a str,
    to: &'a Path,
    cancel: &'a CancellationToken,
    meter: Meter<'a>,
}

impl Receiving<'_> {
    fn place(&self, entry: &Entry) -> PathBuf {
        if entry.path.is_empty() { self.to.to_owned() } else { self.to.join(&entry.path) }
    }

    async fn entry(&mut self, entry: &Entry) -> Result<(), CopyError> {
        let to = self.place(entry);
        match &entry.kind {
            EntryKind::Folder => folder(&to, !entry.path.is_empty()),
            EntryKind::Link { target } => Ok(link(target, &to)?),
            EntryKind::File { .. } => self.file(entry, &to).await,
            EntryKind::Other => {
                self.meter.copied.skipped += 1;
                Ok(())
            }
        }
    }

    async fn file(&mut self, entry: &Entry, to: &Path) -> Result<(), CopyError> {
        let no_name = || CopyError::NoName(to.display().to_string());
        let (folder, name) = to.parent().zip(to.file_name()).ok_or_else(no_name)?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let arriving = folder.join(name::arriving(&name.to_string_lossy()));
        let mut file = open(&arriving)?;
        let from = name::join(self.from, &entry.path);
        let had = self.arrived(&mut file, &from).await?;
        let resumed = had.digest().bytes;
        let meter = &mut self.meter;
        let advanced = |bytes| meter.within_file(bytes, &entry.path);
        let got = self.session.get_rest(&from, (&mut file, had), to, self.cancel, advanced).await;
        if got.as_ref().is_err_and(is_damage) {
            // The next attempt begins anew.
            fs_err::remove_file(&arriving)?;
        }
        let got = got?;
        file.set_permissions(Permissions::from_mode(entry.mode & FILE_BITS))?;
        file.sync_all()?;
        fs_err::rename(&arriving, to)?;
        sync_folder(folder)?;
        self.meter.file_done(got.bytes, resumed);
        Ok(())
    }

    /// What lies here from an earlier attempt, if the guest's file begins with it; else the file is emptied.
    async fn arrived(&self, file: &mut std::fs::File, from: &str) -> Result<Had, CopyError> {
        let had = Had::of(&mut *file)?;
        let here = had.digest();
        if here.bytes > 0 && self.session.fingerprint(from, here.bytes, self.cancel).await? == here {
            return Ok(had);
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Had::default())
    }
}

fn is_damage(error: &SessionError) -> bool {
    match error {
        SessionError::Damaged { .. } => true,
        SessionError::Refused(failure) => failure.kind == FailureKind::DigestMismatch,
        _ => false,
    }
}

/// Opens what has arrived so far. Never through a link: somebody else may have put it there.
fn open(arriving: &Path) -> Result<std::fs::File, CopyError> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(arriving, flags, Mode::RUSR | Mode::WUSR);
    let named = |error: rustix::io::Errno| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("failed to open `{}`: {error}", arriving.display()))
    };
    Ok(std::fs::File::from(opened.map_err(named)?))
}

/// Makes a folder, or takes the one that is there. Below the top a link in its place is not followed.
fn folder(path: &Path, below_the_top: bool) -> Result<(), CopyError> {
    match fs_err::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let about = if below_the_top { fs_err::symlink_metadata(path)? } else { fs_err::metadata(path)? };
            if !about.is_dir() {
                return Err(CopyError::InTheWay(path.to_owned()));
            }
            let mode = about.permissions().mode();
            fs_err::set_permissions(path, Permissions::from_mode(mode | FILLING))?;
        }
        made => made?,
    }
    Ok(())
}

fn link(target: &str, path: &Path) -> io::Result<()> {
    match symlink(target, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs_err::remove_file(path)?;
            symlink(target, path)
        }
        made => made,
    }
}
