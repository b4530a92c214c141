//! Progress of one running phase, and an estimate of the time left.

use super::words;
use jiff::Timestamp;
use std::time::Duration;
use vmbuild_core::event::{EventKind, Unit};
use vmbuild_core::format::{duration, speed};

/// A rate measured over less than this says nothing.
const ENOUGH: Duration = Duration::from_secs(2);

/// A pause this long between two counted units is nothing to speak of.
const USUAL_PAUSE: Duration = Duration::from_secs(20);

/// A pause in which so many units usually come is one.
const UNUSUAL: f64 = 10.0;

/// One running phase.
#[derive(Debug, Clone)]
pub(super) struct PhaseProgress {
    pub(super) since: Timestamp,
    /// When counting began, and at what: a resumed download does not begin at zero.
    first: Option<(Timestamp, u64)>,
    /// When the count last grew.
    grew: Timestamp,
    pub(super) about: String,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) unit: Unit,
    pub(super) line: String,
}

impl PhaseProgress {
    pub(super) fn started(since: Timestamp, about: &str) -> Self {
        let (about, line) = (about.to_owned(), String::new());
        Self { since, first: None, grew: since, about, done: 0, total: None, unit: Unit::Lines, line }
    }

    /// Takes an `Advanced` event; leaves others alone.
    pub(super) fn advance(&mut self, at: Timestamp, kind: &EventKind) {
        if let EventKind::Advanced { done, total, unit, line, .. } = kind {
            self.first.get_or_insert((at, *done));
            if *done > self.done {
                self.grew = at;
            }
            (self.done, self.total, self.unit) = (*done, *total, *unit);
            self.line.clone_from(line);
        }
    }

    pub(super) fn elapsed(&self, now: Timestamp) -> Duration {
        between(self.since, now)
    }

    /// `251/402 objects  about 50s left`, or `353/355 objects  none for 2m 10s` where an estimate has proved wrong: the
    /// last objects of a build may be its longest. Empty if nothing can be counted.
    pub(super) fn count(&self, now: Timestamp) -> String {
        let count = words::count(self.done, self.total, self.unit);
        let rate = self.rate(now);
        let speed = rate.filter(|_| self.unit == Unit::Bytes).map(speed);
        let outlook = rate.and_then(|rate| self.outlook(rate, now));
        let parts = [Some(count), speed, outlook];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
    }

    /// Units a second since counting began.
    fn rate(&self, now: Timestamp) -> Option<f64> {
        let (at, done) = self.first?;
        let elapsed = between(at, now);
        let more = self.done.saturating_sub(done);
        (elapsed >= ENOUGH && more > 0).then(|| more as f64 / elapsed.as_secs_f64())
    }

    /// The time left, or that it stands still; `None` if that is unknown.
    fn outlook(&self, rate: f64, now: Timestamp) -> Option<String> {
        let missing = self.total?.checked_sub(self.done).filter(|missing| *missing > 0)?;
        let pause = between(self.grew, now);
        let left = Duration::try_from_secs_f64(missing as f64 / rate).ok()?;
        let unusual = Duration::try_from_secs_f64(UNUSUAL / rate).ok()?;
        Some(if pause > left.min(unusual).max(USUAL_PAUSE) {
            format!("none for {}", duration(pause))
        } else {
            words::left(left)
        })
    }
}

/// Never negative: clocks are set back now and then.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmbuild_core::event::{Part, Phase, PhaseId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_750_000_000 + second).expect("a time within range")
    }

    fn check(unit: Unit, total: Option<u64>, seen: &[(i64, u64)], now: i64, expect: &str) {
        let mut progress = PhaseProgress::started(at(0), "");
        for &(second, done) in seen {
            let phase = Phase { part: Part::Build, name: "optimised".to_owned() };
            progress.advance(
                at(second),
                &EventKind::Advanced { id: PhaseId(1), phase, done, total, unit, line: String::new() },
            );
        }
        assert_eq!(progress.count(at(now)), expect);
    }

    #[test]
    fn the_estimate_comes_from_the_rate() {
        check(Unit::Objects, Some(402), &[(1, 1), (41, 201)], 41, "201/402 objects  about 40s left");
        check(Unit::Objects, Some(402), &[(1, 201)], 1, "201/402 objects");
        check(Unit::Objects, Some(402), &[(1, 1), (60, 402)], 60, "402/402 objects");
        check(Unit::Objects, None, &[(1, 1), (60, 402)], 60, "402 objects");
        check(Unit::Lines, None, &[(1, 0)], 60, "");
    }

    #[test]
    fn an_estimate_that_has_run_out_is_not_repeated() {
        let seen = [(0, 1), (353, 353)];
        check(Unit::Objects, Some(355), &seen, 360, "353/355 objects  a few seconds left");
        check(Unit::Objects, Some(355), &seen, 353 + 130, "353/355 objects  none for 2m 10s");
        let early = [(0, 1), (60, 33)];
        check(Unit::Objects, Some(355), &early, 60 + 25, "33/355 objects  about 15m left");
        check(Unit::Objects, Some(355), &early, 60 + 90, "33/355 objects  none for 1m 30s");
    }

    #[test]
    fn a_resumed_download_counts_what_came_since() {
        let (resumed, later) = ((0, 600_000_000), (10, 620_000_000));
        check(Unit::Bytes, Some(660_000_000), &[resumed, later], 10, "620 MB / 660 MB  2.0 MB/s  about 20s left");
    }

    #[test]
    fn a_clock_set_back_gives_zero() {
        assert_eq!(between(at(5), at(1)), Duration::ZERO);
    }
}
