//! A phase under way, and how its progress is reported.

use super::{EventKind, Events, Phase, PhaseId, Unit};
use std::time::{Duration, Instant};
use vmbuild_supervise::Tail;

/// A phase under way.
#[derive(Debug)]
pub struct PhaseGuard {
    pub(super) events: Events,
    pub(super) id: PhaseId,
    pub(super) phase: Phase,
    pub(super) since: Instant,
    pub(super) finished: bool,
}

impl PhaseGuard {
    /// Reports how far it is. The caller keeps the rate down to a few a second.
    pub fn advance(&self, done: u64, total: Option<u64>, unit: Unit, line: &str) {
        let (id, phase) = (self.id, self.phase.clone());
        self.events.emit(EventKind::Advanced { id, phase, done, total, unit, line: line.to_owned() });
    }

    /// Reports the last line of a program whose output cannot be counted.
    pub fn last_line(&self) -> LastLine<'_> {
        LastLine { running: self, tail: Tail::default(), pace: ProgressPace::default() }
    }

    /// Ends it successfully and returns its duration.
    pub fn finish(mut self, result: impl Into<String>) -> Duration {
        self.finished = true;
        let took = self.since.elapsed();
        self.events.emit(EventKind::Finished { id: self.id, phase: self.phase.clone(), result: result.into(), took });
        took
    }
}

impl Drop for PhaseGuard {
    fn drop(&mut self) {
        if !self.finished {
            self.events.emit(EventKind::Broke { id: self.id, phase: self.phase.clone(), took: self.since.elapsed() });
        }
    }
}

/// Shows the last line of a program's output.
#[derive(Debug)]
pub struct LastLine<'a> {
    running: &'a PhaseGuard,
    tail: Tail,
    pace: ProgressPace,
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
pub struct ProgressPace {
    last: Option<Instant>,
}

impl ProgressPace {
    /// True if enough time has passed since it last returned true.
    pub fn is_time(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= Duration::from_millis(250));
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}
