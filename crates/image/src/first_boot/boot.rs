//! Waiting for the agent behind a distribution's own start-up.
//!
//! It takes up to minutes, in several stages, and any of them can hang. The console is read along, each stage is an
//! event, and an error names the last one.

use super::FirstBootError;
use super::phase::{FirstBootPhase, plain};
use crate::ImageError;
use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, PhaseGuard, ProgressPace, Unit};
use vmbuild_core::store::Store;
use vmbuild_machine::{Machine, MachineError, MachineFolder, MachineSpec};

/// Interval between two reads of the console.
const INTERVAL: Duration = Duration::from_millis(100);

/// Console lines that an error shows.
const SHOWN: usize = 12;

/// Boots the machine and returns it once its agent answers.
pub(super) async fn boot(
    spec: MachineSpec,
    way: &str,
    store: &Store,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Machine, ImageError> {
    let running = events.phase(Part::Golden, "first boot", format!("{} by {way}", spec.image));
    let console = MachineFolder::new(&store.machines(), spec.name.clone()).console();
    let mut watch = ConsoleWatch::new(&console, first_phase(way));
    let started = {
        let starting = Machine::start(spec, store, events, cancel);
        tokio::pin!(starting);
        loop {
            tokio::select! {
                started = &mut starting => break started,
                () = tokio::time::sleep(INTERVAL) => watch.poll(Some(&running)),
            }
        }
    };
    watch.poll(None);
    match started {
        Ok(machine) => {
            running.finish(watch.durations());
            Ok(machine)
        }
        Err(error) => Err(watch.explain(error)),
    }
}

fn first_phase(way: &str) -> FirstBootPhase {
    if way.contains("kernel") { FirstBootPhase::Kernel } else { FirstBootPhase::Firmware }
}

/// Reads a console while the machine starts.
#[derive(Debug)]
struct ConsoleWatch {
    console: PathBuf,
    read: u64,
    unfinished: String,
    lines: VecDeque<String>,
    /// The phases so far, with their start.
    begun: Vec<(FirstBootPhase, Instant)>,
    pace: ProgressPace,
}

impl ConsoleWatch {
    fn new(console: &Path, first: FirstBootPhase) -> Self {
        let begun = vec![(first, Instant::now())];
        let (unfinished, lines) = (String::new(), VecDeque::new());
        Self { console: console.to_owned(), read: 0, unfinished, lines, begun, pace: ProgressPace::default() }
    }

    /// Reads new output and reports the current phase.
    fn poll(&mut self, running: Option<&PhaseGuard>) {
        let before = self.phase();
        // There is no console before QEMU has started; a console that cannot be read is only not shown.
        let text = self.new_output().unwrap_or_default();
        self.push(&text);
        let Some(running) = running else { return };
        if self.phase() != before || self.pace.is_time() {
            let last = self.lines.back().map(String::as_str).unwrap_or_default();
            running.advance(0, None, Unit::Lines, &format!("waiting for {}: {last}", self.phase()));
        }
    }

    fn new_output(&mut self) -> std::io::Result<String> {
        let mut file = fs_err::File::open(&self.console)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        self.read += file.read_to_end(&mut bytes)? as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn push(&mut self, text: &str) {
        self.unfinished.push_str(text);
        while let Some((line, rest)) = self.unfinished.split_once('\n') {
            let line = plain(line);
            self.unfinished = rest.to_owned();
            if let Some(phase) = FirstBootPhase::of_line(&line).filter(|phase| *phase > self.phase()) {
                self.begun.push((phase, Instant::now()));
            }
            if !line.is_empty() {
                self.lines.push_back(line);
            }
            if self.lines.len() > SHOWN {
                self.lines.pop_front();
            }
        }
    }

    fn phase(&self) -> FirstBootPhase {
        self.begun.last().map_or(FirstBootPhase::Firmware, |(phase, _)| *phase)
    }

    /// How long each phase took: `kernel 3.1 s, systemd 12.0 s, agent 0.4 s`.
    fn durations(&self) -> String {
        let ends = self.begun.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
        let told = self
            .begun
            .iter()
            .zip(ends)
            .map(|((phase, at), end)| format!("{phase} {:.1} s", end.duration_since(*at).as_secs_f64()));
        told.collect::<Vec<_>>().join(", ")
    }

    /// The error of a machine whose agent did not start. An interruption stays one.
    fn explain(&self, error: MachineError) -> ImageError {
        if vmbuild_core::failure::Diagnose::exit(&error) == vmbuild_core::failure::Exit::Interrupted {
            return ImageError::Cancelled;
        }
        // The error of a machine that died has its last lines.
        let last_lines = match error {
            MachineError::Died { .. } => String::new(),
            _ => self.lines.iter().flat_map(|line| ["\n  ", line]).collect(),
        };
        FirstBootError::NoAgent { waited_for: self.phase(), last_lines, source: Box::new(error) }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{ConsoleWatch, FirstBootPhase};
    use crate::ImageError;
    use std::path::Path;
    use std::time::Duration;
    use vmbuild_guest::SessionError;
    use vmbuild_machine::MachineError;

    fn heard(text: &[&str]) -> ConsoleWatch {
        let mut watch = ConsoleWatch::new(Path::new("/none"), FirstBootPhase::Firmware);
        for piece in text {
            watch.push(piece);
        }
        watch
    }

    #[test]
    fn phases_only_go_forward() {
        let check = |text: &[&str], expect: FirstBootPhase| assert_eq!(heard(text).phase(), expect, "{text:?}");
        check(&[], FirstBootPhase::Firmware);
        check(&["[0.0] Linux ver", "sion 6.1\r\n"], FirstBootPhase::Kernel);
        check(&["Linux version 6.1"], FirstBootPhase::Firmware);
        check(&["systemd[1]: hello\n", "Linux version 6.1\n"], FirstBootPhase::Systemd);
        let story = heard(&["Linux version 6.1\nsystemd[1]: hello\n"]).durations();
        assert_eq!(story.split(", ").count(), 3, "{story}");
    }

    #[test]
    fn an_error_names_the_phase() {
        let silent = || MachineError::Session(SessionError::NoAnswer { limit: Duration::from_mins(15) });
        let error = heard(&["Linux version 6.1\n", "Kernel panic - not syncing: VFS\n"]).explain(silent());
        insta::assert_snapshot!(error, @r"
        the image's first boot timed out waiting for kernel; last lines of its console:
          Linux version 6.1
          Kernel panic - not syncing: VFS
        ");
        let died = MachineError::Died { name: "job-1".parse().unwrap(), exit_report: "x".into(), log: "/none".into() };
        insta::assert_snapshot!(heard(&[]).explain(died), @"the image's first boot timed out waiting for firmware");
        assert!(matches!(heard(&[]).explain(MachineError::Cancelled), ImageError::Cancelled));
    }
}
