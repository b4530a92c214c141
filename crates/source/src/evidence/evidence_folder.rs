//! Evidence in the store: `sources/<sha256>/.evidence/`, so that a later build verifies it without the network.

use super::places::EvidenceFile;
use super::verification::EvidenceKind;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use vmbuild_core::store::write_atomically;

/// Time between two searches of the network.
const INTERVAL: Duration = Duration::from_hours(24);
const ASKED: &str = "asked";

/// The folder of one source's evidence.
#[derive(Debug, Clone)]
pub(super) struct EvidenceFolder {
    folder: PathBuf,
}

impl EvidenceFolder {
    pub(super) fn of(folder: PathBuf) -> io::Result<Self> {
        fs_err::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Stored evidence, with its origin. It is verified again before use.
    pub(super) fn find(&self, kind: EvidenceKind) -> io::Result<Option<EvidenceFile>> {
        let Some(bytes) = unless_missing(fs_err::read(self.file(kind)))? else { return Ok(None) };
        let place = unless_missing(fs_err::read_to_string(self.origin(kind)))?;
        Ok(Some(EvidenceFile { place: place.unwrap_or_else(|| self.file(kind).display().to_string()), bytes }))
    }

    /// Stores verified evidence and returns its path.
    pub(super) fn store(&self, kind: EvidenceKind, found: &EvidenceFile) -> io::Result<PathBuf> {
        write_atomically(&self.origin(kind), found.place.as_bytes())?;
        write_atomically(&self.file(kind), &found.bytes)?;
        Ok(self.file(kind))
    }

    /// True if the network was searched within the interval.
    pub(super) fn searched_recently(&self) -> bool {
        let asked = fs_err::metadata(self.folder.join(ASKED)).and_then(|about| about.modified());
        asked.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < INTERVAL))
    }

    /// Remembers that the network was searched.
    pub(super) fn remember_search(&self) -> io::Result<()> {
        if self.searched_recently() { Ok(()) } else { write_atomically(&self.folder.join(ASKED), b"") }
    }

    fn file(&self, kind: EvidenceKind) -> PathBuf {
        self.folder.join(format!("source{}", kind.suffix()))
    }

    fn origin(&self, kind: EvidenceKind) -> PathBuf {
        self.folder.join(format!("origin{}", kind.suffix()))
    }
}

fn unless_missing<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}
