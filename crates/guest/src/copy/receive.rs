//! From a guest to this host.

use super::target::{CopyTarget, TargetEntry};
use super::{CopyDepth, CopyError, CopyMeter, CopySummary, GuestTree, name};
use crate::{LocalFile, LocalPrefix, Session, SessionError};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::{ReplaceTarget, open_stream};
use vmbuild_core::event::PhaseGuard;
use vmbuild_protocol::{Entry, EntryKind, FailureKind};

/// The permission bits that a guest decides on: its set-user-id bits would count for the user here.
const FOLDER_BITS: u32 = 0o1777;
const FILE_BITS: u32 = 0o777;
/// Pause between two attempts to open a FIFO that nothing reads from.
const READER_POLL: Duration = Duration::from_millis(50);

/// Copies a file or tree from an absolute path in the guest; into `to`, if that is a folder.
pub async fn receive(
    session: &Session,
    source: GuestTree<'_>,
    to: &Path,
    phase: &PhaseGuard,
    cancel: &CancellationToken,
) -> Result<CopySummary, CopyError> {
    let GuestTree { path: from, depth } = source;
    let entries = session.list(from, depth.folders(), cancel).await?;
    let root = entries.first().ok_or_else(|| CopyError::Missing(from.to_owned()))?;
    name::check_list(&entries)?;
    if depth == CopyDepth::File && root.kind == EntryKind::Folder {
        return Err(CopyError::Folder(from.to_owned()));
    }
    let into = to.is_dir() || to.as_os_str().as_encoded_bytes().ends_with(b"/");
    let to = if into { to.join(name::last(from)?) } else { to.to_owned() };
    let mut receiving = CopyReceiver { session, from, cancel, meter: CopyMeter::new(phase, &entries) };
    if root.kind == EntryKind::Folder {
        receiving.receive_tree(&entries, &to).await?;
    } else {
        receiving.receive_one(root, &to).await?;
    }
    Ok(receiving.meter.copied)
}

struct CopyReceiver<'a> {
    session: &'a Session,
    from: &'a str,
    cancel: &'a CancellationToken,
    meter: CopyMeter<'a>,
}

impl CopyReceiver<'_> {
    async fn receive_tree(&mut self, entries: &[Entry], to: &Path) -> Result<(), CopyError> {
        let target_folder = CopyTarget::make(to)?;
        for entry in entries.iter().skip(1) {
            let target_entry = target_folder.entry(&entry.path)?;
            match &entry.kind {
                EntryKind::Folder => target_entry.make_folder()?,
                EntryKind::Link { target } => target_entry.make_link(target)?,
                EntryKind::File { .. } => self.receive_file(entry, &target_entry).await?,
                EntryKind::Other => self.meter.copied.skipped += 1,
            }
        }
        // The innermost first: nothing below a folder that may no longer be searched can be changed.
        for entry in entries.iter().rev().filter(|entry| entry.kind == EntryKind::Folder) {
            target_folder.finish(&entry.path, entry.mode & FOLDER_BITS)?;
        }
        Ok(())
    }

    /// One file, to a name that the user chose.
    async fn receive_one(&mut self, entry: &Entry, to: &Path) -> Result<(), CopyError> {
        if entry.kind == EntryKind::Other {
            self.meter.copied.skipped += 1;
            return Ok(());
        }
        match ReplaceTarget::of(to)? {
            ReplaceTarget::File { path, .. } => self.receive_file(entry, &TargetEntry::chosen(&path)?).await,
            ReplaceTarget::Stream(path) => self.receive_stream(entry, &path).await,
        }
    }

    async fn receive_file(&mut self, entry: &Entry, target_entry: &TargetEntry) -> Result<(), CopyError> {
        let mut file = target_entry.arriving()?;
        let from = name::join(self.from, &entry.path);
        let prefix = self.resumable_prefix(&mut file, &from).await?;
        let resumed = prefix.digest().bytes;
        let meter = &mut self.meter;
        let on_advance = |bytes| meter.within_file(bytes, &entry.path);
        let target = LocalFile { file: &mut file, prefix, path: target_entry.path() };
        let got = self.session.get_rest(&from, target, self.cancel, on_advance).await;
        if got.as_ref().is_err_and(is_damage) {
            // The next attempt begins anew.
            target_entry.forget()?;
        }
        let got = got?;
        target_entry.place(&file, entry.mode & FILE_BITS)?;
        self.meter.file_done(got.bytes, resumed);
        Ok(())
    }

    /// Writes into a device or FIFO. Nothing of it can be taken back, so a transfer that breaks is not resumed.
    async fn receive_stream(&mut self, entry: &Entry, to: &Path) -> Result<(), CopyError> {
        let mut file = self.open_stream(to).await?;
        let from = name::join(self.from, &entry.path);
        let meter = &mut self.meter;
        let on_advance = |bytes| meter.within_file(bytes, &entry.path);
        let target = LocalFile { file: &mut file, prefix: LocalPrefix::default(), path: to };
        let got = self.session.get_rest(&from, target, self.cancel, on_advance).await?;
        self.meter.file_done(got.bytes, 0);
        Ok(())
    }

    async fn open_stream(&self, stream: &Path) -> Result<File, CopyError> {
        loop {
            if let Some(file) = open_stream(stream)? {
                return Ok(file);
            }
            tokio::select! {
                () = self.cancel.cancelled() => return Err(SessionError::Cancelled.into()),
                () = tokio::time::sleep(READER_POLL) => {}
            }
        }
    }

    /// The bytes from an earlier attempt, if the guest's file begins with them; otherwise the file is emptied.
    async fn resumable_prefix(&self, file: &mut File, from: &str) -> Result<LocalPrefix, CopyError> {
        let prefix = LocalPrefix::of(&mut *file)?;
        let here = prefix.digest();
        if here.bytes > 0 && self.session.fingerprint(from, here.bytes, self.cancel).await? == here {
            return Ok(prefix);
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
