//! Progress as data. Libraries emit events; only `report` decides how they look.

mod phase;

pub use phase::{LastLine, PhaseGuard, ProgressPace};

use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_protocol::Check;

/// Something that happened, and when.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Wall-clock time.
    pub at: Timestamp,
    /// The event itself.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// One kind of event, with its data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A choice was made that people may want to question.
    Chose {
        /// The part it concerns.
        part: Part,
        /// The choice: `qemu + tcg`.
        what: String,
        /// The reason: `kvm: a guest kernel hung for 5 s`.
        why: String,
    },
    /// A phase began.
    Started {
        /// Tells it from equal phases that run at the same time.
        id: PhaseId,
        /// Its part and name.
        phase: Phase,
        /// Its subject, such as a file or version; may be empty.
        about: String,
    },
    /// A phase made progress. Sent at most a few times a second.
    Advanced {
        /// Tells it from equal phases that run at the same time.
        id: PhaseId,
        /// Its part and name.
        phase: Phase,
        /// Units done.
        done: u64,
        /// Units in total, if known.
        total: Option<u64>,
        /// The unit.
        unit: Unit,
        /// The last line a program wrote; may be empty.
        line: String,
    },
    /// A phase succeeded.
    Finished {
        /// Tells it from equal phases that run at the same time.
        id: PhaseId,
        /// Its part and name.
        phase: Phase,
        /// Its result; may be empty.
        result: String,
        /// How long it took.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        took: Duration,
    },
    /// A phase failed or was interrupted. The error itself follows on its own.
    Broke {
        /// Tells it from equal phases that run at the same time.
        id: PhaseId,
        /// Its part and name.
        phase: Phase,
        /// How long it took.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        took: Duration,
    },
    /// Information that needs no action.
    Note {
        /// The part it concerns.
        part: Part,
        /// The message.
        text: String,
    },
    /// A problem that the user may want to solve.
    Warning {
        /// The part it concerns.
        part: Part,
        /// The message.
        text: String,
    },
    /// A check of a validation has its verdict.
    Checked {
        /// The check.
        #[serde(flatten)]
        check: Check,
    },
    /// A validation is over.
    Validated {
        /// The artifact's name.
        artifact: String,
        /// All checks, in order.
        checks: Vec<Check>,
        /// Destination of the table: the result the user asked for, or news on the way.
        #[serde(skip)]
        shown: TableUse,
    },
    /// An artifact is in place.
    Published(PublishedArtifact),
    /// The command failed. The last event of its stream.
    Error {
        /// The chain of causes, outermost first.
        causes: Vec<String>,
        /// Ways to solve it.
        hints: Vec<String>,
        /// The exit code.
        exit: u8,
    },
}

/// The stream that a table belongs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableUse {
    /// It is the command's result: standard output.
    AsData,
    /// It accompanies another result: standard error.
    AsNews,
}

/// A published artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublishedArtifact {
    /// Path of the tarball.
    pub path: PathBuf,
    /// Path of its build record: measurements, as JSON.
    pub record: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Digest of its plan, in hex.
    pub plan: String,
    /// Folder of the step logs.
    pub logs: PathBuf,
    /// Time by phase, in order.
    pub stages: Vec<StageTime>,
    /// Seconds in total.
    pub seconds: f64,
}

/// One stage's share of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageTime {
    /// The phase.
    pub stage: String,
    /// Seconds.
    pub seconds: f64,
}

/// A part of vmbuild: the first column of its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Base images.
    Image,
    /// Machines and their backends.
    Machine,
    /// Golden machines: provisioning.
    Golden,
    /// CPython's source.
    Source,
    /// The recipe.
    Build,
    /// Packing.
    Pack,
    /// The checks.
    Validate,
    /// Left-overs of earlier runs.
    Cleanup,
}

impl Part {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Machine => "machine",
            Self::Golden => "golden",
            Self::Source => "source",
            Self::Build => "build",
            Self::Pack => "pack",
            Self::Validate => "validate",
            Self::Cleanup => "cleanup",
        }
    }
}

/// Number of a phase, unique within its stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PhaseId(pub u64);

/// A phase of some part: `build`/`training`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Phase {
    /// The part.
    pub part: Part,
    /// Its phase, a word or two.
    #[serde(rename = "phase")]
    pub name: String,
}

impl Phase {
    /// Both in one: `build/training`.
    fn label(&self) -> String {
        format!("{}/{}", self.part.word(), self.name)
    }
}

/// Unit of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Compiled objects.
    Objects,
    /// Tests.
    Tests,
    /// Packages.
    Packages,
    /// Nothing countable: only the line changes.
    Lines,
}

/// Sending side of a stream of events. Cheap to clone. Unbounded, because there are only a few events a second.
#[derive(Debug, Clone)]
pub struct Events {
    sender: mpsc::UnboundedSender<Event>,
    /// The next phase's number.
    next_phase: Arc<AtomicU64>,
}

impl Events {
    /// A sink and the stream that a reporter reads.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, next_phase: Arc::new(AtomicU64::new(1)) }, receiver)
    }

    /// Emits an event. Silently dropped once the reporter is gone: the program is ending then.
    pub fn emit(&self, kind: EventKind) {
        trace(&kind);
        let _ = self.sender.send(Event { at: Timestamp::now(), kind });
    }

    /// Emits a note.
    pub fn note(&self, part: Part, text: impl Into<String>) {
        self.emit(EventKind::Note { part, text: text.into() });
    }

    /// Emits a warning.
    pub fn warn(&self, part: Part, text: impl Into<String>) {
        self.emit(EventKind::Warning { part, text: text.into() });
    }

    /// Begins a phase. Dropping the guard without `finish` reports it as broken.
    pub fn phase(&self, part: Part, name: &str, about: impl Into<String>) -> PhaseGuard {
        let phase = Phase { part, name: name.to_owned() };
        let id = PhaseId(self.next_phase.fetch_add(1, Ordering::Relaxed));
        self.emit(EventKind::Started { id, phase: phase.clone(), about: about.into() });
        PhaseGuard { events: self.clone(), id, phase, since: std::time::Instant::now(), finished: false }
    }
}

/// Repeats an event in the trace, so that one file tells the whole story.
fn trace(kind: &EventKind) {
    match kind {
        EventKind::Advanced { .. } | EventKind::Checked { .. } => {}
        EventKind::Chose { part, what, why } => tracing::info!("{}: chose {what} ({why})", part.word()),
        EventKind::Started { id, phase, about } => tracing::info!("{} #{} started: {about}", phase.label(), id.0),
        EventKind::Finished { id, phase, result, took } => {
            tracing::info!("{} #{} finished in {took:.1?}: {result}", phase.label(), id.0);
        }
        EventKind::Broke { id, phase, took } => {
            tracing::info!("{} #{} failed after {took:.1?}", phase.label(), id.0);
        }
        EventKind::Note { part, text } => tracing::info!("{}: {text}", part.word()),
        EventKind::Warning { part, text } => tracing::warn!("{}: {text}", part.word()),
        EventKind::Validated { artifact, checks, .. } => {
            tracing::info!("validated {artifact}: {} checks", checks.len());
        }
        EventKind::Published(published) => tracing::info!("published {}", published.path.display()),
        EventKind::Error { causes, exit, .. } => tracing::error!(exit, "{}", causes.join(": ")),
    }
}

fn seconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::{EventKind, Events, Part, PhaseId};

    #[test]
    fn equal_phases_have_ids_of_their_own() {
        let (events, mut receiver) = Events::channel();
        let (one, other) = (events.phase(Part::Source, "fetch", ""), events.clone().phase(Part::Source, "fetch", ""));
        other.finish("");
        drop(one);
        let mut seen = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            let json = serde_json::to_value(&event).expect("JSON");
            let (EventKind::Started { id, .. } | EventKind::Finished { id, .. } | EventKind::Broke { id, .. }) =
                event.kind
            else {
                panic!("{event:?}")
            };
            assert_eq!(json["id"], id.0, "{json}");
            seen.push((json["event"].as_str().unwrap_or_default().to_owned(), id));
        }
        let expect = [("started", 1), ("started", 2), ("finished", 2), ("broke", 1)];
        assert_eq!(seen, expect.map(|(event, id)| (event.to_owned(), PhaseId(id))));
    }
}
