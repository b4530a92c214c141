//! What happens, as data. Libraries emit events; only `report` decides how they look.

use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_protocol::Check;
use vmbuild_supervise::Tail;

/// Something that happened, and when.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Wall-clock time.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A choice was made that people may want to question.
    Chose {
        /// The part it concerns.
        part: Part,
        /// What was chosen: `qemu + tcg`.
        what: String,
        /// Why: `kvm: a guest kernel hung for 5 s`.
        why: String,
    },
    /// A phase began.
    Started {
        /// Which.
        phase: Phase,
        /// What it works on, such as a file or version; may be empty.
        about: String,
    },
    /// A phase came further. Sent at most a few times a second.
    Advanced {
        /// Which.
        phase: Phase,
        /// Units done.
        done: u64,
        /// Units in total, if known.
        total: Option<u64>,
        /// What a unit is.
        unit: Unit,
        /// The last line a program wrote; may be empty.
        line: String,
    },
    /// A phase ended well.
    Finished {
        /// Which.
        phase: Phase,
        /// What came of it; may be empty.
        result: String,
        /// How long it took.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        took: Duration,
    },
    /// A phase ended otherwise. The error itself follows on its own.
    Broke {
        /// Which.
        phase: Phase,
        /// How long it took.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        took: Duration,
    },
    /// Worth knowing, nothing to do.
    Note {
        /// The part it concerns.
        part: Part,
        /// What.
        text: String,
    },
    /// Something to do about it.
    Warning {
        /// The part it concerns.
        part: Part,
        /// What.
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
        /// Whether the table is what the user asked for, or news on the way.
        #[serde(skip)]
        shown: Shown,
    },
    /// An artifact is in place.
    Published(Published),
    /// The command failed. The last event of its stream.
    Error {
        /// The chain of causes, outermost first.
        causes: Vec<String>,
        /// What to do.
        hints: Vec<String>,
        /// The exit code.
        exit: u8,
    },
}

/// Where a table belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is the command's result: standard output.
    AsData,
    /// It accompanies another result: standard error.
    AsNews,
}

/// A published artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// Where.
    pub path: PathBuf,
    /// What was measured on the way, as JSON, beside it.
    pub record: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// What determined it, as a digest in hex.
    pub plan: String,
    /// Folder of the step logs.
    pub logs: PathBuf,
    /// Where the time went: phase and seconds, in order.
    pub stages: Vec<StageTime>,
    /// Seconds for everything.
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

/// A part of vmbuild, in the words of its output's first column.
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

/// A phase of some part: `build`/`training`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Phase {
    /// The part.
    pub part: Part,
    /// Its phase, a word or two.
    #[serde(rename = "phase")]
    pub name: String,
}

/// What progress is counted in.
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

/// Where events go. Cheap to clone. Unbounded, because there are only a few events a second.
#[derive(Debug, Clone)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A sink and the stream that a reporter reads.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Emits an event. Silently dropped once the reporter is gone: the program is ending then.
    pub fn emit(&self, kind: EventKind) {
        let _ = self.0.send(Event { at: Timestamp::now(), kind });
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
        self.emit(EventKind::Started { phase: phase.clone(), about: about.into() });
        PhaseGuard { events: self.clone(), phase, since: std::time::Instant::now(), finished: false }
    }
}

/// A phase under way.
#[derive(Debug)]
pub struct PhaseGuard {
    events: Events,
    phase: Phase,
    since: std::time::Instant,
    finished: bool,
}

impl PhaseGuard {
    /// Reports how far it is. The caller keeps the rate down to a few a second.
    pub fn advance(&self, done: u64, total: Option<u64>, unit: Unit, line: &str) {
        self.events.emit(EventKind::Advanced { phase: self.phase.clone(), done, total, unit, line: line.to_owned() });
    }

    /// For a program whose output says nothing but that it goes on.
    pub fn last_line(&self) -> LastLine<'_> {
        LastLine { running: self, tail: Tail::default(), pace: Pace::default() }
    }

    /// Ends it well, and says how long it took.
    pub fn finish(mut self, result: impl Into<String>) -> Duration {
        self.finished = true;
        let took = self.since.elapsed();
        self.events.emit(EventKind::Finished { phase: self.phase.clone(), result: result.into(), took });
        took
    }
}

impl Drop for PhaseGuard {
    fn drop(&mut self) {
        if !self.finished {
            self.events.emit(EventKind::Broke { phase: self.phase.clone(), took: self.since.elapsed() });
        }
    }
}

fn seconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// Shows the last line of a program's output.
#[derive(Debug)]
pub struct LastLine<'a> {
    running: &'a PhaseGuard,
    tail: Tail,
    pace: Pace,
}

impl LastLine<'_> {
    /// Takes the next bytes of the output.
    pub fn hear(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        if self.pace.is_time() {
            self.running.advance(0, None, Unit::Lines, self.tail.last_line());
        }
    }
}

/// Keeps progress events down to four a second.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<std::time::Instant>,
}

impl Pace {
    /// Whether enough time has passed since it last said yes.
    pub fn is_time(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= Duration::from_millis(250));
        if due {
            self.last = Some(std::time::Instant::now());
        }
        due
    }
}
