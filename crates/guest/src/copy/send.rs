//! From this host to a guest.

use super::{CopyDepth, CopyError, CopyMeter, CopySummary, GuestTree, local, name};
use crate::{LocalPrefix, Session};
use std::io::Read;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::PhaseGuard;
use vmbuild_protocol::{CHUNK, Entry, EntryKind, NewEntry, PutRest};

/// A folder must be writable while it is being filled, whatever its final mode.
const FILLING: u32 = 0o700;

/// Copies a file or tree to an absolute path in the guest; into it, if that is a folder.
pub async fn send(
    session: &Session,
    from: &Path,
    target: GuestTree<'_>,
    phase: &PhaseGuard,
    cancel: &CancellationToken,
) -> Result<CopySummary, CopyError> {
    let GuestTree { path: to, depth } = target;
    let entries = local::list(from, depth)?;
    if depth == CopyDepth::File && entries[0].kind == EntryKind::Folder {
        return Err(CopyError::Folder(from.display().to_string()));
    }
    let to = resolve_target(session, from, to, cancel).await?;
    let mut sending = CopySender { session, from, to: &to, cancel, meter: CopyMeter::new(phase, &entries) };
    for entry in &entries {
        sending.send_entry(entry).await?;
    }
    // The innermost first: nothing below a folder that may no longer be written or searched can be changed.
    for entry in entries.iter().rev().filter(|entry| entry.kind == EntryKind::Folder) {
        if entry.mode & FILLING != FILLING {
            let mode = entry.mode;
            session.make(&name::join(&to, &entry.path), NewEntry::Folder { mode }, cancel).await?;
        }
    }
    Ok(sending.meter.copied)
}

/// The path that the copy gets: below `to`, if that is a folder.
async fn resolve_target(
    session: &Session,
    from: &Path,
    to: &str,
    cancel: &CancellationToken,
) -> Result<String, CopyError> {
    let there = session.list(to, 0, cancel).await?;
    let into = to.ends_with('/') || there.first().is_some_and(|entry| entry.kind == EntryKind::Folder);
    if !into {
        return Ok(to.to_owned());
    }
    // `.` and `..` have a name, too.
    let whole = fs_err::canonicalize(from)?;
    let named = from.file_name().or_else(|| whole.file_name());
    let name = named.ok_or_else(|| CopyError::NoName(from.display().to_string()))?;
    Ok(name::join(to, name.to_str().ok_or_else(|| CopyError::NotUtf8(from.to_owned()))?))
}

struct CopySender<'a> {
    session: &'a Session,
    from: &'a Path,
    to: &'a str,
    cancel: &'a CancellationToken,
    meter: CopyMeter<'a>,
}

impl CopySender<'_> {
    async fn send_entry(&mut self, entry: &Entry) -> Result<(), CopyError> {
        let to = name::join(self.to, &entry.path);
        match &entry.kind {
            EntryKind::Folder => {
                let made = NewEntry::Folder { mode: entry.mode | FILLING };
                Ok(self.session.make(&to, made, self.cancel).await?)
            }
            EntryKind::Link { target } => {
                let made = NewEntry::Link { target: target.clone() };
                Ok(self.session.make(&to, made, self.cancel).await?)
            }
            EntryKind::File { bytes } => self.send_file(entry, *bytes, to).await,
            EntryKind::Other => {
                self.meter.copied.skipped += 1;
                Ok(())
            }
        }
    }

    async fn send_file(&mut self, entry: &Entry, size: u64, to: String) -> Result<(), CopyError> {
        let from = if entry.path.is_empty() { self.from.to_owned() } else { self.from.join(&entry.path) };
        let arriving = name::join(name::folder(&to), &name::arriving(name::last(&to)?));
        let had = self.resumable_bytes(&from, size, &arriving).await?;
        let order = PutRest { path: to, arriving, from: had, mode: entry.mode, size };
        let meter = &mut self.meter;
        let on_advance = |bytes| meter.within_file(bytes, &entry.path);
        let sent = self.session.put_rest(&from, order, self.cancel, on_advance).await?;
        self.meter.file_done(sent.bytes, had);
        Ok(())
    }

    /// How many bytes of the file are in the guest from an earlier attempt, if they are the same.
    async fn resumable_bytes(&self, from: &Path, size: u64, arriving: &str) -> Result<u64, CopyError> {
        // Not worth a round trip.
        if size <= CHUNK as u64 {
            return Ok(0);
        }
        let there = self.session.fingerprint(arriving, size, self.cancel).await?;
        let here = LocalPrefix::of(fs_err::File::open(from)?.take(there.bytes))?.digest();
        Ok(if here == there { there.bytes } else { 0 })
    }
}
