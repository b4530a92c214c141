//! What a recipe says on its way: events for people, one log file per step.

use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;
use vmbuild_artifact::Staging;
use vmbuild_core::event::{Events, Part, PhaseGuard, StageTime, Unit};
use vmbuild_protocol::{Action, Progress, StepDone, Steps, Watch};

/// Follows one recipe.
#[derive(Debug)]
pub(super) struct Follower<'a> {
    events: &'a Events,
    steps: &'a Steps,
    staging: &'a Staging,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Option<PhaseGuard>,
    log: Option<fs_err::File>,
    log_error: Option<std::io::Error>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(events: &'a Events, steps: &'a Steps, staging: &'a Staging) -> Self {
        Self { events, steps, staging, state: RefCell::default() }
    }

    /// Takes one progress message.
    pub(super) fn progress(&self, progress: Progress) {
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
    pub(super) fn output(&self, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        let State { log, log_error, .. } = &mut *state;
        if let Some(Err(error)) = log.as_mut().map(|log| log.write_all(bytes)) {
            log_error.get_or_insert(error);
        }
    }

    /// The first error a log file gave, if any: a log that lies by omission must not pass unnoticed.
    pub(super) fn log_error(&self) -> Option<std::io::Error> {
        self.state.borrow_mut().log_error.take()
    }

    fn begin(&self, step: u32) {
        let Some(step) = self.steps.steps.get(step as usize) else { return };
        let log = fs_err::File::create(self.staging.log(&step.name));
        let mut state = self.state.borrow_mut();
        state.phase = Some(self.events.phase(Part::Build, &step.name, ""));
        match log {
            Ok(log) => state.log = Some(log),
            Err(error) => state.log_error = Some(error),
        }
    }

    fn end(&self, done: &StepDone) {
        let mut state = self.state.borrow_mut();
        let State { phase, log, log_error } = &mut *state;
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

/// A step that went well and said nothing leaves no file for people to look into.
fn remove_empty(log: &fs_err::File) -> std::io::Result<()> {
    if log.metadata()?.len() == 0 { fs_err::remove_file(log.path()) } else { Ok(()) }
}

/// Each step's share of the time.
pub(super) fn stage_times(steps: &Steps, done: &[StepDone]) -> Vec<StageTime> {
    let name = |index: u32| steps.steps.get(index as usize).map_or_else(|| index.to_string(), |step| step.name.clone());
    let seconds = |millis| Duration::from_millis(millis).as_secs_f64();
    done.iter().map(|done| StageTime { stage: name(done.step), seconds: seconds(done.millis) }).collect()
}

/// How many of CPython's test files a training ran, and how long that took; nothing where there was none. They all passed:
/// otherwise the step would have failed.
pub(super) fn tests_passed(steps: &Steps, done: &[StepDone]) -> Option<(u64, Duration)> {
    let is_training = |done: &&StepDone| {
        steps.steps.get(done.step as usize).is_some_and(|step| matches!(unit(&step.action), Unit::Tests))
    };
    done.iter().find(is_training).map(|done| (done.units, Duration::from_millis(done.millis)))
}

fn unit(action: &Action) -> Unit {
    match action {
        Action::Run { watch: Watch::Compile { .. }, .. } => Unit::Objects,
        Action::Run { watch: Watch::RegressionTests, .. } => Unit::Tests,
        Action::Run { .. } | Action::Write { .. } | Action::RequireFiles { .. } => Unit::Lines,
    }
}
