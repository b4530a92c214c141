//! Waiting for a machine's agent, with progress: the elapsed time, the usual time, and the console's last line. The usual
//! time is remembered from earlier starts of similar machines on this host.

use super::backend::BootTiming;
use super::folder::MachineFolder;
use super::guard::stalled;
use super::spec::MachineSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_core::store::{Store, write_atomically};

/// Interval between two progress updates.
const TICK: Duration = Duration::from_secs(1);
/// Multiple of the usual time that counts as a stall.
const STALL: u32 = 3;

/// Seconds that starts took, by [`BootTiming::key`].
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsualDurations {
    schema: u32,
    seconds: BTreeMap<String, f64>,
}

/// The wait for one machine's agent.
pub(super) struct BootWait<'a> {
    file: PathBuf,
    timing: BootTiming,
    usual: UsualDurations,
    folder: &'a MachineFolder,
    events: &'a Events,
    since: Instant,
}

impl<'a> BootWait<'a> {
    pub(super) fn begin(spec: &MachineSpec, store: &Store, folder: &'a MachineFolder, events: &'a Events) -> Self {
        let file = store.cache().join("usual.json");
        // A missing file, or one of another version, means that no duration is known.
        let usual = fs_err::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let timing = spec.backend().backend().boot_timing(spec);
        Self { file, timing, usual, folder, events, since: Instant::now() }
    }

    /// Waits for `agent`, with progress.
    pub(super) async fn on<T, E>(mut self, agent: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let phase = self.events.phase(Part::Machine, "agent", self.expectation());
        let came = tokio::select! {
            came = agent => came,
            never = self.report(&phase) => match never {},
        };
        if came.is_ok() {
            let took = phase.finish("");
            self.learn(took);
        }
        came
    }

    async fn report(&self, phase: &vmbuild_core::event::PhaseGuard) -> Infallible {
        let mut warned = false;
        loop {
            tokio::time::sleep(TICK).await;
            let (elapsed, lines) = (self.since.elapsed(), self.folder.console_tail().lines());
            phase.advance(
                0,
                None,
                Unit::Lines,
                &progress_text(elapsed, self.usual(), lines.last().map_or("", String::as_str)),
            );
            if !warned
                && elapsed
                    > self.usual().map_or(self.timing.least_stall, |usual| (usual * STALL).max(self.timing.least_stall))
            {
                warned = true;
                self.events.warn(Part::Machine, stalled(elapsed, &lines));
            }
        }
    }

    /// `None` for less than a second.
    fn usual(&self) -> Option<Duration> {
        let usual =
            self.usual.seconds.get(&self.timing.key).and_then(|seconds| Duration::try_from_secs_f64(*seconds).ok());
        usual.filter(|usual| usual.as_secs() > 0)
    }

    fn expectation(&self) -> String {
        self.usual().map_or_else(String::new, |usual| format!("usually {:.1} s", usual.as_secs_f64()))
    }

    /// A new start counts as much as all before it, because hosts change.
    fn learn(&mut self, took: Duration) {
        let took = took.as_secs_f64();
        let kept = self.usual.seconds.entry(self.timing.key.clone()).or_insert(took);
        *kept = f64::midpoint(*kept, took);
        self.usual.schema = 1;
        if let Ok(text) = serde_json::to_vec_pretty(&self.usual) {
            // Losing this duration is not worth a failure.
            let _ = write_atomically(&self.file, &text);
        }
    }
}

fn progress_text(elapsed: Duration, usual: Option<Duration>, console: &str) -> String {
    let usual = usual.map_or_else(String::new, |usual| format!(", usually {:.1} s", usual.as_secs_f64()));
    format!("{} s{usual}; {console}", elapsed.as_secs()).trim_end_matches("; ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{UsualDurations, progress_text};
    use std::time::Duration;

    #[test]
    fn progress_shows_the_usual_time() {
        let check =
            |usual, console, expect: &str| assert_eq!(progress_text(Duration::from_secs(3), usual, console), expect);
        check(None, "", "3 s");
        check(Some(Duration::from_millis(2200)), "", "3 s, usually 2.2 s");
        check(Some(Duration::from_millis(2200)), "loading", "3 s, usually 2.2 s; loading");
    }

    #[test]
    fn usual_durations_are_read_back() {
        let usual = UsualDurations { schema: 1, seconds: [("sandbox".to_owned(), 0.25)].into() };
        let text = serde_json::to_string(&usual).expect("data");
        assert_eq!(serde_json::from_str::<UsualDurations>(&text).expect("the same data"), usual);
        assert!(serde_json::from_str::<UsualDurations>("{\"schema\":1}").is_err());
    }
}
