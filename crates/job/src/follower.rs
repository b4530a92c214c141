//! Steps on their way: events for people, one log file per step.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmbuild_core::event::{Events, Part, PhaseGuard, StageTime, Unit};
use vmbuild_protocol::{Action, Progress, StepDone, Steps, Watch};

/// Where the output of steps goes.
#[derive(Debug, Clone, Copy)]
pub struct StepLogs<'a> {
    /// Part of the program in whose name events are emitted.
    pub part: Part,
    /// Folder of logs.
    pub folder: &'a Path,
    /// First letters of every log's name; may be empty.
    pub prefix: &'a str,
}

impl StepLogs<'_> {
    fn path(self, step: &str) -> PathBuf {
        self.folder.join(format!("{}{step}.log", self.prefix))
    }
}

/// Follows one run of steps.
#[derive(Debug)]
pub(crate) struct StepFollower<'a> {
    events: &'a Events,
    steps: &'a Steps,
    logs: StepLogs<'a>,
    state: RefCell<StepState>,
}

#[derive(Debug, Default)]
struct StepState {
    phase: Option<PhaseGuard>,
    log: Option<fs_err::File>,
    log_error: Option<std::io::Error>,
}

impl<'a> StepFollower<'a> {
    pub(crate) fn new(events: &'a Events, steps: &'a Steps, logs: StepLogs<'a>) -> Self {
        Self { events, steps, logs, state: RefCell::default() }
    }

    /// Takes one progress message.
    pub(crate) fn progress(&self, progress: Progress) {
        match progress {
            Progress::StepStarted { step } => self.begin(step),
            Progress::StepAdvanced { step, done, total, last_line } => {
                let unit = self.steps.steps.get(step as usize).map_or(Unit::Lines, |step| unit(&step.action));
                if let Some(phase) = &self.state.borrow().phase {
                    phase.advance(done, total, unit, &last_line);
                }
            }
            Progress::StepFinished(done) => self.end(&done),
            Progress::Checked(_) | Progress::Listed(_) => {}
        }
    }

    /// Takes a piece of the running step's output.
    pub(crate) fn output(&self, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        let StepState { log, log_error, .. } = &mut *state;
        if let Some(Err(error)) = log.as_mut().map(|log| log.write_all(bytes)) {
            log_error.get_or_insert(error);
        }
    }

    /// First error of a log file, if any: an incomplete log must not pass unnoticed.
    pub(crate) fn log_error(&self) -> Option<std::io::Error> {
        self.state.borrow_mut().log_error.take()
    }

    fn begin(&self, step: u32) {
        let Some(step) = self.steps.steps.get(step as usize) else { return };
        let log = fs_err::File::create(self.logs.path(&step.name));
        let mut state = self.state.borrow_mut();
        state.phase = Some(self.events.phase(self.logs.part, &step.name, ""));
        match log {
            Ok(log) => state.log = Some(log),
            Err(error) => state.log_error = Some(error),
        }
    }

    fn end(&self, done: &StepDone) {
        let mut state = self.state.borrow_mut();
        let StepState { phase, log, log_error } = &mut *state;
        let Some(phase) = phase.take() else { return };
        if let Some(Err(error)) = log.take().as_ref().map(remove_empty) {
            log_error.get_or_insert(error);
        }
        let action = self.steps.steps.get(done.step as usize).map(|step| &step.action);
        phase.finish(match action.map(unit) {
            Some(Unit::Objects) => format!("{} objects", done.units),
            Some(Unit::Tests) => format!("{} tests passed", done.units),
            _ => String::new(),
        });
    }
}

/// A step that succeeded without output needs no log.
fn remove_empty(log: &fs_err::File) -> std::io::Result<()> {
    if log.metadata()?.len() == 0 { fs_err::remove_file(log.path()) } else { Ok(()) }
}

/// Each step's share of the time.
pub fn stage_times(steps: &Steps, done: &[StepDone]) -> Vec<StageTime> {
    let name = |index: u32| steps.steps.get(index as usize).map_or_else(|| index.to_string(), |step| step.name.clone());
    let seconds = |millis| Duration::from_millis(millis).as_secs_f64();
    done.iter().map(|done| StageTime { stage: name(done.step), seconds: seconds(done.millis) }).collect()
}

fn unit(action: &Action) -> Unit {
    match action {
        Action::Run { watch: Watch::Compile { .. }, .. } => Unit::Objects,
        Action::Run { watch: Watch::RegressionTests, .. } => Unit::Tests,
        Action::Run { .. } | Action::Write { .. } | Action::RequireFiles { .. } => Unit::Lines,
    }
}
