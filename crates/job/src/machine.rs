//! One throw-away machine of a job.

use crate::evidence::Evidence;
use crate::guest::JobGuest;
use crate::machine_setup::MachineSetup;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_image::Golden;
use vmbuild_machine::Machine;

/// Where a job's machine comes from.
#[derive(Debug, Clone, Copy)]
pub struct JobPlace<'a> {
    /// Store, events and cancellation.
    pub context: &'a Context,
    /// Backend and size.
    pub setup: &'a MachineSetup,
    /// The golden machine.
    pub golden: &'a Golden,
}

/// A running machine for one piece of work.
#[derive(Debug)]
pub struct JobMachine<'a> {
    place: JobPlace<'a>,
    machine: Machine,
}

impl<'a> JobPlace<'a> {
    /// Starts a machine.
    pub async fn boot(self) -> Result<JobMachine<'a>, Failure> {
        let machine = self.setup.job_machine(self.context, self.golden).await?;
        Ok(JobMachine { place: self, machine })
    }
}

impl JobMachine<'_> {
    /// Runs `work` in it and ends it. If the work fails and was not interrupted, the evidence is saved before.
    pub async fn run<T>(
        self,
        evidence: Option<Evidence<'_>>,
        work: impl AsyncFnOnce(JobGuest<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let context = self.place.context;
        let guest = JobGuest { context, session: self.machine.session() };
        let outcome = self.machine.carry(work(guest)).await;
        if let Some(evidence) = evidence.filter(|_| outcome.is_err() && !context.cancel.is_cancelled()) {
            evidence.save(context, &self.machine).await;
        }
        self.machine.stop_if_alive().await?;
        outcome
    }
}
