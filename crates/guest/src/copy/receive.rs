//! From a guest to this host.

use super::landing::{Landing, Spot};
use super::{Copied, CopyError, Depth, Meter, name};
use crate::{LocalPrefix, Session, SessionError};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::{Destination, open_stream};
use vmbuild_core::event::PhaseGuard;
use vmbuild_protocol::{Entry, EntryKind, FailureKind};

/// A guest decides on no more: its set-user-id bits would count for the user here.
const FOLDER_BITS: u32 = 0o1777;
const FILE_BITS: u32 = 0o777;
/// Between two looks for somebody who reads from a FIFO.
const READER: Duration = Duration::from_millis(50);

/// Copies a file or tree from an absolute path in the guest; into `to`, if that is a folder.
pub async fn receive(
    session: &Session,
    (from, depth): (&str, Depth),
    to: &Path,
    phase: &PhaseGuard,
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
    let mut receiving = CopyReceiver { session, from, cancel, meter: Meter::new(phase, &entries) };
    if root.kind == EntryKind::Folder {
        receiving.tree(&entries, &to).await?;
    } else {
        receiving.one(root, &to).await?;
    }
    Ok(receiving.meter.copied)
}

struct CopyReceiver<'a> {
    session: &'a Session,
    from: &'a str,
    cancel: &'a CancellationToken,
    meter: Meter<'a>,
}

impl CopyReceiver<'_> {
    async fn tree(&mut self, entries: &[Entry], to: &Path) -> Result<(), CopyError> {
        let landing = Landing::make(to)?;
        for entry in entries.iter().skip(1) {
            let spot = landing.spot(&entry.path)?;
            match &entry.kind {
                EntryKind::Folder => spot.make_folder()?,
                EntryKind::Link { target } => spot.make_link(target)?,
                EntryKind::File { .. } => self.file(entry, &spot).await?,
                EntryKind::Other => self.meter.copied.skipped += 1,
            }
        }
        // The innermost first: a folder that may not be searched any more is done with.
        for entry in entries.iter().rev().filter(|entry| entry.kind == EntryKind::Folder) {
            landing.finish(&entry.path, entry.mode & FOLDER_BITS)?;
        }
        Ok(())
    }

    /// One file, to a name that the user chose.
    async fn one(&mut self, entry: &Entry, to: &Path) -> Result<(), CopyError> {
        if entry.kind == EntryKind::Other {
            self.meter.copied.skipped += 1;
            return Ok(());
        }
        match Destination::of(to)? {
            Destination::File { path, .. } => self.file(entry, &Spot::chosen(&path)?).await,
            Destination::Stream(path) => self.stream(entry, &path).await,
        }
    }

    async fn file(&mut self, entry: &Entry, spot: &Spot) -> Result<(), CopyError> {
        let mut file = spot.arriving()?;
        let from = name::join(self.from, &entry.path);
        let had = self.arrived(&mut file, &from).await?;
        let resumed = had.digest().bytes;
        let meter = &mut self.meter;
        let advanced = |bytes| meter.within_file(bytes, &entry.path);
        let got = self.session.get_rest(&from, (&mut file, had), spot.path(), self.cancel, advanced).await;
        if got.as_ref().is_err_and(is_damage) {
            // The next attempt begins anew.
            spot.forget()?;
        }
        let got = got?;
        spot.place(&file, entry.mode & FILE_BITS)?;
        self.meter.file_done(got.bytes, resumed);
        Ok(())
    }

    /// Writes into a device or FIFO. Nothing of it can be taken back, so a transfer that breaks is not resumed.
    async fn stream(&mut self, entry: &Entry, to: &Path) -> Result<(), CopyError> {
        let mut file = self.opened(to).await?;
        let from = name::join(self.from, &entry.path);
        let meter = &mut self.meter;
        let advanced = |bytes| meter.within_file(bytes, &entry.path);
        let got = self.session.get_rest(&from, (&mut file, LocalPrefix::default()), to, self.cancel, advanced).await?;
        self.meter.file_done(got.bytes, 0);
        Ok(())
    }

    async fn opened(&self, stream: &Path) -> Result<File, CopyError> {
        loop {
            if let Some(file) = open_stream(stream)? {
                return Ok(file);
            }
            tokio::select! {
                () = self.cancel.cancelled() => return Err(SessionError::Cancelled.into()),
                () = tokio::time::sleep(READER) => {}
            }
        }
    }

    /// What lies here from an earlier attempt, if the guest's file begins with it; else the file is emptied.
    async fn arrived(&self, file: &mut File, from: &str) -> Result<LocalPrefix, CopyError> {
        let had = LocalPrefix::of(&mut *file)?;
        let here = had.digest();
        if here.bytes > 0 && self.session.fingerprint(from, here.bytes, self.cancel).await? == here {
            return Ok(had);
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(LocalPrefix::default())
    }
}

fn is_damage(error: &SessionError) -> bool {
    match error {
        SessionError::Damaged { .. } => true,
        SessionError::Refused(failure) => failure.kind == FailureKind::DigestMismatch,
        _ => false,
    }
}
