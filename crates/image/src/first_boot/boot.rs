//! Waiting for an agent behind somebody else's start-up.
//!
//! A distribution takes up to minutes, in several stages, and any of them can hang. Nobody should have to guess
//! which: the console is read along, what it shows to have begun is an event, and an error says how far it came.

use super::phase::{FirstBootPhase, plain};
use crate::ImageError;
use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Pace, Part, PhaseGuard, Unit};
use vmbuild_core::store::Store;
use vmbuild_machine::{Machine, MachineError, MachineFolder, MachineSpec};

/// How often the console is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How many of the console's lines an error shows.
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
                () = tokio::time::sleep(LOOK) => watch.look(Some(&running)),
            }
        }
    };
    watch.look(None);
    match started {
        Ok(machine) => {
            running.finish(watch.story());
            Ok(machine)
        }
        Err(error) => Err(watch.judge(error)),
    }
}

fn first_phase(way: &str) -> FirstBootPhase {
    if way.contains("kernel") { FirstBootPhase::Kernel } else { FirstBootPhase::Firmware }
}

/// A console that is being read.
#[derive(Debug)]
struct ConsoleWatch {
    console: PathBuf,
    read: u64,
    unfinished: String,
    lines: VecDeque<String>,
    /// What has begun, and when.
    begun: Vec<(FirstBootPhase, Instant)>,
    pace: Pace,
}

impl ConsoleWatch {
    fn new(console: &Path, first: FirstBootPhase) -> Self {
        let begun = vec![(first, Instant::now())];
        let (unfinished, lines) = (String::new(), VecDeque::new());
        Self { console: console.to_owned(), read: 0, unfinished, lines, begun, pace: Pace::default() }
    }

    /// Reads what is new, and says what it is waiting for now.
    fn look(&mut self, running: Option<&PhaseGuard>) {
        let before = self.phase();
        // There is no console before QEMU has started, and none to worry about if it cannot be read.
        let text = self.news().unwrap_or_default();
        self.hear(&text);
        let Some(running) = running else { return };
        if self.phase() != before || self.pace.is_time() {
            let last = self.lines.back().map(String::as_str).unwrap_or_default();
            running.advance(0, None, Unit::Lines, &format!("waiting for {}: {last}", self.phase()));
        }
    }

    fn news(&mut self) -> std::io::Result<String> {
        let mut file = fs_err::File::open(&self.console)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        self.read += file.read_to_end(&mut bytes)? as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn hear(&mut self, text: &str) {
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
    fn story(&self) -> String {
        let ends = self.begun.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
        let told = self
            .begun
            .iter()
            .zip(ends)
            .map(|((phase, at), end)| format!("{phase} {:.1} s", end.duration_since(*at).as_secs_f64()));
        told.collect::<Vec<_>>().join(", ")
    }

    /// A machine that did not come to its agent: how far it came. An interruption is not the image's doing.
    fn judge(&self, error: MachineError) -> ImageError {
        if vmbuild_core::failure::Diagnose::exit(&error) == vmbuild_core::failure::Exit::Interrupted {
            return ImageError::Cancelled;
        }
        // A machine that died has brought its last words along.
        let last_lines = match error {
            MachineError::Died { .. } => String::new(),
            _ => self.lines.iter().flat_map(|line| ["\n  ", line]).collect(),
        };
        ImageError::FirstBoot { waited_for: self.phase(), last_lines, source: Box::new(error) }
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
            watch.hear(piece);
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
        let story = heard(&["Linux version 6.1\nsystemd[1]: hello\n"]).story();
        assert_eq!(story.split(", ").count(), 3, "{story}");
    }

    #[test]
    fn an_error_says_how_far_it_came() {
        let silent = || MachineError::Session(SessionError::NoAnswer { limit: Duration::from_mins(15) });
        let error = heard(&["Linux version 6.1\n", "Kernel panic - not syncing: VFS\n"]).judge(silent());
        insta::assert_snapshot!(error, @r"
        the image's first boot waited for kernel in vain; the console's last lines:
          Linux version 6.1
          KernelSource panic - not syncing: VFS
        ");
        let died = MachineError::Died { name: "job-1".parse().unwrap(), exit_report: "x".into(), log: "/none".into() };
        insta::assert_snapshot!(heard(&[]).judge(died), @"the image's first boot waited for firmware in vain");
        assert!(matches!(heard(&[]).judge(MachineError::Cancelled), ImageError::Cancelled));
    }
}
