//! A kind of job that needs more than data between its steps and its outputs.

use crate::error::{JobError, JobFailure, JobPhase, StepsError};
use crate::evidence::{Evidence, SavedFile};
use crate::follower::{StepLogs, stage_times};
use crate::guest::JobGuest;
use crate::machine::JobPlace;
use jiff::Timestamp;
use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;
use vmbuild_core::event::{Part, StageTime};
use vmbuild_core::failure::Failure;
use vmbuild_protocol::{Facts, StepDone, Steps};

/// The parts of a job that its kind decides. The rest is [`run_kind`]'s: machine, steps, logs, evidence, times.
pub trait JobKind {
    /// State of a run, known once its machine is: the steps are part of it.
    type Prepared;
    /// Everything that a run leaves besides logs and times.
    type Made;

    /// Architecture of the machine, as `uname -m` prints it.
    fn arch(&self) -> &str;

    /// Files in the guest that explain a failure.
    fn evidence(&self) -> Vec<SavedFile> {
        Vec::new()
    }

    /// Sends the inputs and decides the steps.
    fn prepare(&self, guest: JobGuest<'_>, facts: &Facts) -> impl Future<Output = Result<Self::Prepared, Failure>>;

    /// The steps that were decided.
    fn steps<'a>(&'a self, prepared: &'a Self::Prepared) -> &'a Steps;

    /// Examines, describes, packs and fetches what the steps made.
    fn collect(
        &self,
        guest: JobGuest<'_>,
        prepared: &Self::Prepared,
        run: StepsRun<'_>,
    ) -> impl Future<Output = Result<Self::Made, Failure>>;
}

/// Steps that ran to their end, and the machine that ran them.
#[derive(Debug, Clone, Copy)]
pub struct StepsRun<'a> {
    /// The steps that were done.
    pub done: &'a [StepDone],
    /// Description of the machine.
    pub facts: &'a Facts,
}

/// A job that ran to its end in one machine.
#[derive(Debug)]
pub struct KindRun<K: JobKind> {
    /// State of the run.
    pub prepared: K::Prepared,
    /// Value produced by its kind.
    pub made: K::Made,
    /// When it ran and where.
    pub measured: Measurement,
    /// Time of each step, and of packing, in order.
    pub stages: Vec<StageTime>,
}

/// When a job ran and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// Start of the work, once the machine answered.
    pub began: Timestamp,
    /// The backend, such as `sandbox`.
    pub backend: String,
    /// The accelerator under QEMU, else `none`.
    pub accelerator: String,
    /// The guest's kernel.
    pub kernel: String,
    /// Model of its first processor.
    pub cpu_model: String,
}

/// Runs a job of some kind in a machine of its own. Logs and evidence go to the folder `logs`.
pub async fn run_kind<K: JobKind>(place: JobPlace<'_>, kind: &K, logs: &Path) -> Result<KindRun<K>, JobFailure> {
    let reached = RefCell::new(JobPhase::Boot);
    let failed = |failure| JobFailure { phase: reached.take(), failure };
    let phase = place.context.events.phase(Part::Machine, "boot", "");
    let machine = place.boot().await.map_err(failed)?;
    phase.finish("agent answers");
    let files = kind.evidence();
    let evidence = Evidence { folder: logs, files: &files };
    let run = machine.run(Some(evidence), async |guest| work(place, kind, logs, guest, &reached).await);
    run.await.map_err(failed)
}

async fn work<K: JobKind>(
    place: JobPlace<'_>,
    kind: &K,
    logs: &Path,
    guest: JobGuest<'_>,
    reached: &RefCell<JobPhase>,
) -> Result<KindRun<K>, Failure> {
    let began = Timestamp::now();
    let facts = guest.facts().await?;
    if facts.arch != kind.arch() {
        return Err(JobError::OtherArchitecture { planned: kind.arch().to_owned(), found: facts.arch }.into());
    }
    reached.replace(JobPhase::Inputs);
    let prepared = kind.prepare(guest, &facts).await?;
    reached.replace(JobPhase::Steps);
    let steps = kind.steps(&prepared);
    let logs = StepLogs { part: Part::Build, folder: logs, prefix: "" };
    let done = guest.run_steps(steps, logs).await.inspect_err(|error| note_step(error, reached))?;
    reached.replace(JobPhase::Outputs);
    let mut stages = stage_times(steps, &done);
    let packing = Instant::now();
    let run = StepsRun { done: &done, facts: &facts };
    // Boxed: it is deep, and the rest of a job would carry its size.
    let made = Box::pin(kind.collect(guest, &prepared, run)).await?;
    stages.push(StageTime { stage: "pack".to_owned(), seconds: packing.elapsed().as_secs_f64() });
    let measured = Measurement::of(place, began, &facts);
    Ok(KindRun { prepared, made, measured, stages })
}

/// Remembers which step failed.
pub(crate) fn note_step(error: &StepsError, reached: &RefCell<JobPhase>) {
    if let StepsError::Step(failed) = error {
        reached.replace(JobPhase::Step(failed.step.clone()));
    }
}

impl Measurement {
    fn of(place: JobPlace<'_>, began: Timestamp, facts: &Facts) -> Self {
        let accelerator = place.setup.accelerator();
        Self {
            began,
            backend: place.setup.backend().to_string(),
            accelerator: accelerator.map_or_else(|| "none".to_owned(), |accelerator| accelerator.to_string()),
            kernel: facts.kernel.clone(),
            cpu_model: facts.cpu_model.clone(),
        }
    }
}
