//! Rate of this host's time stamp counter.
//!
//! Under translation the guest's counter is the host's, so the host can tell the guest its rate. The system does not report
//! it: it is measured against the host's clock.

use super::options::TscRate;
use std::time::{Duration, Instant};

/// Duration of each of the two measurements. Reading the clock 2 µs late is then an error of 0.02 %.
const SPAN: Duration = Duration::from_millis(10);

/// How far the two may lie apart, in parts of the first. A counter that follows the processor's own speed, or that
/// another processor's replaced in between, is further off; the guest's kernel then has to see for itself.
const AGREEMENT: u32 = 500;

/// The rate; `None` without a counter of a steady rate.
pub(super) async fn rate() -> Option<TscRate> {
    let (first, second) = (measure().await?, measure().await?);
    rates_agree(first, second).then_some(TscRate { khz: second })
}

fn rates_agree(first: u32, second: u32) -> bool {
    first.abs_diff(second) <= first / AGREEMENT
}

async fn measure() -> Option<u32> {
    let begin = now()?;
    tokio::time::sleep(SPAN).await;
    let end = now()?;
    to_khz(end.count.checked_sub(begin.count)?, end.at - begin.at)
}

fn to_khz(counts: u64, span: Duration) -> Option<u32> {
    let nanos = u64::try_from(span.as_nanos()).ok()?;
    u32::try_from(counts.checked_mul(1_000_000)?.checked_div(nanos)?).ok()
}

/// The counter and the clock at one moment.
struct TscReading {
    count: u64,
    at: Instant,
}

/// The best of a few readings: the one with the shortest gap between its two readings of the clock.
fn now() -> Option<TscReading> {
    let read = || {
        let before = Instant::now();
        let count = counter()?;
        Some((before.elapsed(), TscReading { count, at: before }))
    };
    (0..5).filter_map(|_| read()).min_by_key(|(gap, _)| *gap).map(|(_, moment)| moment)
}

#[cfg(target_arch = "x86_64")]
#[expect(clippy::unnecessary_wraps, reason = "other processors have none")]
fn counter() -> Option<u64> {
    // SAFETY: RDTSC is part of x86-64. A system may forbid it to its users (PR_SET_TSC); none does so by itself, and
    // QEMU reads it the same way.
    #[expect(unsafe_code, reason = "the instruction has no safe wrapper")]
    let count = unsafe { core::arch::x86_64::_rdtsc() };
    Some(count)
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::{rates_agree, to_khz};
    use std::time::Duration;

    fn check(counts: u64, micros: u64, expect: Option<u32>) {
        assert_eq!(to_khz(counts, Duration::from_micros(micros)), expect, "{counts} in {micros} µs");
    }

    #[test]
    fn rate_is_counts_over_time() {
        check(24_454_280, 10_000, Some(2_445_428));
        check(0, 10_000, Some(0));
        check(1, 0, None);
        check(u64::MAX, 10_000, None);
    }

    #[test]
    fn only_a_steady_counter_counts() {
        assert!(rates_agree(2_445_428, 2_445_000));
        assert!(!rates_agree(2_445_428, 2_400_000));
        assert!(!rates_agree(1_200_000, 2_445_428));
    }

    #[tokio::test]
    #[cfg(target_arch = "x86_64")]
    async fn this_host_answers_the_same_twice() {
        let (Some(first), Some(second)) = (super::rate().await, super::rate().await) else {
            eprintln!("skipped: this host's counter is not steady");
            return;
        };
        assert!(first.khz.abs_diff(second.khz) < first.khz / 100, "{first:?} {second:?}");
    }
}
