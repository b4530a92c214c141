//! A session with an agent over any byte pipe.

use crate::failure::{Diagnose, Exit};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{
    Check, Clock, Digest, Exec, Exited, Facts, Failure, OutputStream, Pack, Package, Packed, Progress, Provision,
    StepDone, Steps, Validate,
};
use vmbuild_supervise::Deadline;

/// Why a session did not give what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The agent answered that it could not.
    #[error("{}", .0.message)]
    Refused(Failure),
}

impl Diagnose for SessionError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

/// An open session. Requests may overlap. Dropping a request's future cancels it in the guest.
#[derive(Debug)]
pub struct Session {}

#[expect(unused_variables, clippy::unused_async, reason = "A1")]
impl Session {
    /// Says hello and waits for the agent's, repeating it (and resynchronising the pipe) until the deadline.
    pub async fn open<P: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        pipe: P,
        deadline: Deadline,
        cancel: &CancellationToken,
    ) -> Result<Self, SessionError> {
        todo!("A1")
    }
    /// Round trip of an empty request.
    pub async fn ping(&self) -> Result<Duration, SessionError> {
        todo!("A1")
    }
    /// Describes the guest.
    pub async fn facts(&self) -> Result<Facts, SessionError> {
        todo!("A1")
    }
    /// Runs a program, handing over its output as it comes.
    pub async fn exec(
        &self,
        exec: Exec,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Exited, SessionError> {
        todo!("A1")
    }
    /// Sends a file. `advanced` hears how many bytes have been sent.
    pub async fn put_file(
        &self,
        from: &Path,
        to: &str,
        mode: u32,
        cancel: &CancellationToken,
        advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        todo!("A1")
    }
    /// Fetches a file to a local path that must not exist yet; it appears there only when whole and equal.
    pub async fn get_file(
        &self,
        from: &str,
        to: &Path,
        cancel: &CancellationToken,
        advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        todo!("A1")
    }
    /// Installs packages.
    pub async fn provision(
        &self,
        provision: Provision,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<Package>, SessionError> {
        todo!("A1")
    }
    /// Runs a recipe. `on_progress` sees each step, `on_output` the running step's output.
    pub async fn build(
        &self,
        steps: Steps,
        cancel: &CancellationToken,
        on_progress: impl FnMut(Progress),
        on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<StepDone>, SessionError> {
        todo!("A1")
    }
    /// Packs a tree.
    pub async fn pack(&self, pack: Pack, cancel: &CancellationToken) -> Result<Packed, SessionError> {
        todo!("A1")
    }
    /// Runs the checks. `on_check` sees each as it has its verdict.
    pub async fn validate(
        &self,
        validate: Validate,
        cancel: &CancellationToken,
        on_check: impl FnMut(Check),
    ) -> Result<Vec<Check>, SessionError> {
        todo!("A1")
    }
    /// Sets the guest's clock.
    pub async fn set_clock(&self, clock: Clock) -> Result<(), SessionError> {
        todo!("A1")
    }
    /// Ends the machine (or the agent, where it is an ordinary process).
    pub async fn power_off(&self) -> Result<(), SessionError> {
        todo!("A1")
    }
}
