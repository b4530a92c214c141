//! Columns, bars and phrases that the reporters share.

use std::time::Duration;
use vmbuild_core::event::Unit;
use vmbuild_core::format::{duration, size};

/// Width of the first column: the part.
pub(super) const PART: usize = 9;
/// Width of the second column: the phase.
pub(super) const PHASE: usize = 14;
/// Width of the third column: the result.
pub(super) const RESULT: usize = 42;
const BAR: u64 = 20;
/// A phase that is over sooner deserves no line of its own.
pub(super) const MOMENT: Duration = Duration::from_millis(500);

/// A point in a run, for the start of a log line: `1:02`.
pub(super) fn clock(since_start: Duration) -> String {
    let seconds = since_start.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The time left, rounded as people do.
pub(super) fn left(left: Duration) -> String {
    match left.as_secs() {
        0..10 => "a few seconds left".to_owned(),
        seconds @ 10..=590 => format!("about {} left", duration(Duration::from_secs(seconds.next_multiple_of(10)))),
        seconds => format!("about {}m left", seconds.div_ceil(60)),
    }
}

/// Progress as a count, `251/402 objects`; empty if it cannot be counted.
pub(super) fn count(done: u64, total: Option<u64>, unit: Unit) -> String {
    let word = match unit {
        Unit::Lines => return String::new(),
        Unit::Bytes => return bytes(done, total),
        Unit::Objects => "objects",
        Unit::Tests => "tests",
        Unit::Packages => "packages",
    };
    match total {
        Some(total) => format!("{done}/{total} {word}"),
        None => format!("{done} {word}"),
    }
}

fn bytes(done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{} / {}", size(done.min(total)), size(total)),
        None => size(done),
    }
}

/// A bar of twenty cells, split where the done part ends.
pub(super) fn bar(done: u64, total: u64) -> (String, String) {
    let halves = (done.min(total) * BAR * 2).checked_div(total).unwrap_or(0);
    let (whole, half) = (halves / 2, halves % 2);
    let times = |what: &str, count: u64| what.repeat(usize::try_from(count).unwrap_or(0));
    (times("━", whole) + &times("╸", half), times("─", BAR - whole - half))
}

/// The first two columns. An empty part keeps its place.
pub(super) fn head(part: &str, phase: &str) -> String {
    format!("{part:PART$}{phase:PHASE$}")
}

/// Four columns: part, phase, result, time.
pub(super) fn line(part: &str, phase: &str, result: &str, took: &str) -> String {
    let line = format!("{}{result:RESULT$}  {took}", head(part, phase));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |bytes, expect: &str| assert_eq!(size(bytes), expect);
        check(0, "0 B");
        check(999, "999 B");
        check(312_400, "312 kB");
        check(41_300_000, "41.3 MB");
        check(657_000_000, "657 MB");
        check(3_200_000_000, "3.2 GB");
    }

    #[test]
    fn durations() {
        let check = |millis, expect: &str| assert_eq!(duration(Duration::from_millis(millis)), expect);
        check(0, "0.0s");
        check(440, "0.4s");
        check(18_200, "18s");
        check(59_700, "1m 00s");
        check(62_000, "1m 02s");
        check(3_725_000, "1h 02m");
    }

    #[test]
    fn estimates_are_rounded_up() {
        let check = |seconds, expect: &str| assert_eq!(left(Duration::from_secs(seconds)), expect);
        check(3, "a few seconds left");
        check(41, "about 50s left");
        check(121, "about 2m 10s left");
        check(591, "about 10m left");
        check(1000, "about 17m left");
    }

    #[test]
    fn counts() {
        let check = |done, total, unit, expect: &str| assert_eq!(count(done, total, unit), expect);
        check(251, Some(402), Unit::Objects, "251/402 objects");
        check(7, None, Unit::Packages, "7 packages");
        check(412_000_000, Some(657_000_000), Unit::Bytes, "412 MB / 657 MB");
        check(3, Some(4), Unit::Lines, "");
    }

    #[test]
    fn bars_are_always_twenty_cells() {
        let check = |done, total, expect: &str| {
            let (full, rest) = bar(done, total);
            assert_eq!(full, expect);
            assert_eq!(full.chars().count() + rest.chars().count(), 20);
        };
        check(0, 402, "");
        check(251, 402, "━━━━━━━━━━━━");
        check(258, 402, "━━━━━━━━━━━━╸");
        check(500, 402, "━━━━━━━━━━━━━━━━━━━━");
        check(5, 0, "");
    }
}
