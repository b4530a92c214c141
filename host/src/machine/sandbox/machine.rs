//! A machine made of namespaces.

use crate::event::Events;
use crate::failure::{Diagnose, Exit};
use crate::guest::Transport;
use crate::machine::{MachineFolder, MachineSpec};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// Why a sandbox does not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Its files.
    #[error("failed to prepare the sandbox")]
    Io(#[from] std::io::Error),
}

impl Diagnose for SandboxError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {}

#[expect(unused_variables, clippy::unused_async, reason = "C1")]
impl Sandbox {
    /// Starts the agent in namespaces over the spec's tree. Returns once the process runs; the agent may
    /// still be on its way.
    pub async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, SandboxError> {
        todo!("C1")
    }

    /// How to reach the agent.
    pub fn transport(&self) -> Transport {
        todo!("C1")
    }

    /// Resolves when the sandbox's process ends by itself, with its last words.
    pub async fn ended(&mut self) -> String {
        todo!("C1")
    }

    /// Ends everything in it (after the caller asked the agent to power off, or instead of it).
    pub async fn stop(&mut self, deadline: Deadline) -> Result<(), SandboxError> {
        todo!("C1")
    }
}
