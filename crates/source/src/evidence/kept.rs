//! Evidence in the store: `sources/<sha256>/.evidence/`, so that a later build verifies it without asking anybody.

use super::ask::File;
use super::judge::EvidenceKind;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use vmbuild_core::store::write_atomically;

/// How long nobody is asked again after somebody was asked.
const PATIENCE: Duration = Duration::from_hours(24);
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

    /// What is kept, with where it came from. It is judged again like anything else.
    pub(super) fn find(&self, kind: EvidenceKind) -> io::Result<Option<File>> {
        let Some(bytes) = unless_missing(fs_err::read(self.file(kind)))? else { return Ok(None) };
        let place = unless_missing(fs_err::read_to_string(self.origin(kind)))?;
        Ok(Some(File { place: place.unwrap_or_else(|| self.file(kind).display().to_string()), bytes }))
    }

    /// Keeps what held, and says where.
    pub(super) fn keep(&self, kind: EvidenceKind, found: &File) -> io::Result<PathBuf> {
        write_atomically(&self.origin(kind), found.place.as_bytes())?;
        write_atomically(&self.file(kind), &found.bytes)?;
        Ok(self.file(kind))
    }

    /// Whether somebody was asked a short while ago.
    pub(super) fn asked_lately(&self) -> bool {
        let asked = fs_err::metadata(self.folder.join(ASKED)).and_then(|about| about.modified());
        asked.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < PATIENCE))
    }

    /// Remembers that everybody was asked.
    pub(super) fn remember_asking(&self) -> io::Result<()> {
        if self.asked_lately() { Ok(()) } else { write_atomically(&self.folder.join(ASKED), b"") }
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
