//! Files between this host and a guest, without a network in the guest.
//!
//! A transfer may break at any byte: a laptop sleeps, a machine is reloaded. So a file arrives under a temporary
//! name that depends only on its own; the next attempt compares hashes of the bytes that are there and continues after
//! them. A file gets its name only when it is complete and has the digest that the other side computed.

mod error;
#[cfg(test)]
mod hostile_tests;
mod local;
mod name;
mod receive;
mod send;
#[cfg(test)]
mod special_tests;
mod target;
#[cfg(test)]
mod tests;

pub use error::CopyError;
pub use receive::receive;
pub use send::send;

use vmbuild_core::event::{PhaseGuard, ProgressPace, Unit};
use vmbuild_protocol::{Entry, EntryKind};

/// How a copy treats folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyDepth {
    /// One file; a folder is refused.
    File,
    /// A folder and everything in it.
    Tree,
}

impl CopyDepth {
    fn folders(self) -> u32 {
        match self {
            Self::File => 0,
            Self::Tree => u32::MAX,
        }
    }
}

/// A file or tree in the guest.
#[derive(Debug, Clone, Copy)]
pub struct GuestTree<'a> {
    /// Its absolute path.
    pub path: &'a str,
    /// How much of it is copied.
    pub depth: CopyDepth,
}

/// Result of a copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopySummary {
    /// Ordinary files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, bytes that had arrived in an earlier attempt.
    pub resumed: u64,
    /// Devices, pipes and sockets, which are left out.
    pub skipped: u64,
}

/// Progress of a copy.
struct CopyMeter<'a> {
    phase: &'a PhaseGuard,
    pace: ProgressPace,
    total: u64,
    copied: CopySummary,
}

impl<'a> CopyMeter<'a> {
    fn new(phase: &'a PhaseGuard, entries: &[Entry]) -> Self {
        let bytes = |entry: &Entry| if let EntryKind::File { bytes } = entry.kind { bytes } else { 0 };
        Self {
            phase,
            pace: ProgressPace::default(),
            total: entries.iter().map(bytes).sum(),
            copied: CopySummary::default(),
        }
    }

    /// Reports how many bytes of the current file are there.
    fn within_file(&mut self, bytes: u64, name: &str) {
        if self.pace.is_time() {
            self.phase.advance(self.copied.bytes + bytes, Some(self.total), Unit::Bytes, name);
        }
    }

    fn file_done(&mut self, bytes: u64, resumed: u64) {
        self.copied.files += 1;
        self.copied.bytes += bytes;
        self.copied.resumed += resumed;
    }
}
