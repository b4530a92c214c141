//! Work in a job's machine: files in, steps, files out.

use crate::error::{StepFailed, StepsError};
use crate::follower::{StepFollower, StepLogs};
use std::path::Path;
use vmbuild_core::context::Context;
use vmbuild_core::event::{PhaseGuard, ProgressPace, Unit};
use vmbuild_core::failure::Failure;
use vmbuild_guest::{Session, SessionError};
use vmbuild_protocol::{Digest, Facts, Pack, Packed, StepDone, Steps};

/// A session with a job's machine.
#[derive(Debug, Clone, Copy)]
pub struct JobGuest<'a> {
    /// Store, events and cancellation.
    pub context: &'a Context,
    /// The session with its agent.
    pub session: &'a Session,
}

impl JobGuest<'_> {
    /// Describes the machine.
    pub async fn facts(self) -> Result<Facts, Failure> {
        Ok(self.context.unless_interrupted(self.session.facts()).await??)
    }

    /// Sends a file, advancing `phase`.
    pub async fn send(self, phase: &PhaseGuard, from: &Path, to: &str, mode: u32) -> Result<Digest, SessionError> {
        let total = fs_err::metadata(from).map_err(SessionError::Local)?.len();
        let advanced = paced(phase, Some(total));
        self.session.put_file(from, to, mode, &self.context.cancel, advanced).await
    }

    /// Fetches a file of `total` bytes, if that is known, advancing `phase`.
    pub async fn fetch(
        self,
        phase: &PhaseGuard,
        from: &str,
        to: &Path,
        total: Option<u64>,
    ) -> Result<Digest, SessionError> {
        self.session.get_file(from, to, &self.context.cancel, paced(phase, total)).await
    }

    /// Packs a tree in the guest and fetches the archive.
    pub async fn fetch_packed(
        self,
        phase: &PhaseGuard,
        pack: Pack,
        to: &Path,
    ) -> Result<(Packed, Digest), SessionError> {
        let from = pack.to.clone();
        let packed = self.session.pack(pack, &self.context.cancel).await?;
        let fetched = self.fetch(phase, &from, to, Some(packed.digest.bytes)).await?;
        Ok((packed, fetched))
    }

    /// Runs steps: an event for each, and a log.
    pub async fn run_steps(self, steps: &Steps, logs: StepLogs<'_>) -> Result<Vec<StepDone>, StepsError> {
        let events = &self.context.events;
        let follower = StepFollower::new(events, steps, logs);
        let progress = |progress| follower.progress(progress);
        let output = |_, bytes: &[u8]| follower.output(bytes);
        let outcome = self.session.build(steps.clone(), &self.context.cancel, progress, output).await;
        if let Some(error) = follower.log_error() {
            events.warn(logs.part, format!("a step's log is incomplete: {error}"));
        }
        outcome.map_err(|source| failed(steps, source))
    }
}

/// Advances a phase a few times a second.
fn paced(phase: &PhaseGuard, total: Option<u64>) -> impl FnMut(u64) {
    let mut pace = ProgressPace::default();
    move |bytes| {
        if pace.is_time() {
            phase.advance(bytes, total, Unit::Bytes, "");
        }
    }
}

fn failed(steps: &Steps, source: SessionError) -> StepsError {
    let SessionError::Refused(refusal) = &source else { return StepsError::Session(source) };
    let step = refusal.step.and_then(|index| steps.steps.get(index as usize));
    let Some(step) = step.map(|step| step.name.clone()) else { return StepsError::Session(source) };
    StepFailed { tail: refusal.tail.clone(), step, source }.into()
}
