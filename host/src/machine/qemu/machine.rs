//! A machine under QEMU.

use crate::event::Events;
use crate::failure::{Diagnose, Exit};
use crate::guest::Transport;
use crate::machine::{MachineFolder, MachineSpec};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// Why a virtual machine does not run.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// Its files.
    #[error("failed to prepare the virtual machine")]
    Io(#[from] std::io::Error),
}

impl Diagnose for QemuError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

/// A running QEMU.
#[derive(Debug)]
pub struct Qemu {}

#[expect(unused_variables, clippy::unused_async, reason = "D")]
impl Qemu {
    /// Starts QEMU over an overlay of the spec's disk. Returns once QMP answers; the guest may still boot.
    pub async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, QemuError> {
        todo!("D")
    }

    /// Takes hold of a machine that an earlier vmbuild started. Its monitor must call itself what the record does.
    pub async fn attach(folder: &MachineFolder, record: &crate::machine::MachineRecord) -> Result<Self, QemuError> {
        todo!("D")
    }

    /// QEMU's process, for the machine's record.
    pub fn process(&self) -> crate::machine::folder::ProcessIdentity {
        todo!("D")
    }

    /// QEMU's uuid for this start, for the machine's record.
    pub fn uuid(&self) -> String {
        todo!("D")
    }

    /// How to reach the agent.
    pub fn transport(&self) -> Transport {
        todo!("D")
    }

    /// Resolves when QEMU ends by itself, with its last words and the end of the serial console.
    pub async fn ended(&mut self) -> String {
        todo!("D")
    }

    /// Ends it: QMP powerdown and quit, then signals, each within the deadline.
    pub async fn stop(&mut self, deadline: Deadline) -> Result<(), QemuError> {
        todo!("D")
    }
}

/// Ends the QEMU of a machine that nobody looks after any more.
#[expect(unused_variables, clippy::unused_async, reason = "D")]
pub async fn end_left_over(
    folder: &MachineFolder,
    record: &crate::machine::MachineRecord,
    deadline: Deadline,
) -> Result<(), QemuError> {
    todo!("D")
}
