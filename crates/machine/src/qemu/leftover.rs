//! Machines that another vmbuild started: their state, and stopping them.

use super::machine::{end, proven_monitor, recorded, recorded_uuid};
use super::vsock::end_recorded;
use super::{QemuError, QemuVersion};
use crate::process_handle::ProcessHandle;
use crate::{Accelerator, MachineFolder, MachineRecord, ProcessIdentity};
use std::time::Duration;
use vmbuild_supervise::Deadline;

/// Time a monitor has to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// State of a QEMU, from its monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuStatus {
    /// The guest's processors execute.
    pub running: bool,
    /// QEMU's run state, such as `running`, `paused` or `internal-error`.
    pub state: &'static str,
    /// The accelerator, as QEMU reports it.
    pub accelerator: Accelerator,
    /// Its uuid, equal to the record's.
    pub uuid: String,
    /// QEMU's version.
    pub version: QemuVersion,
}

/// Asks a machine's QEMU for its state. It must be the recorded QEMU.
pub async fn status(folder: &MachineFolder, record: &MachineRecord) -> Result<QemuStatus, QemuError> {
    let uuid = recorded_uuid(folder, record)?;
    let mut qmp = proven_monitor(folder, uuid, Deadline::after(ANSWER)).await?;
    let state = qmp.query_status().await?;
    let kvm = qmp.query_kvm().await?;
    Ok(QemuStatus {
        running: state.running,
        state: state.name,
        accelerator: in_use(kvm, record),
        uuid: uuid.to_string(),
        version: qmp.version(),
    })
}

/// Resumes a machine that QEMU has paused. It must be the recorded QEMU.
pub(super) async fn resume(folder: &MachineFolder, record: &MachineRecord) -> Result<(), QemuError> {
    let uuid = recorded_uuid(folder, record)?;
    Ok(proven_monitor(folder, uuid, Deadline::after(ANSWER)).await?.cont().await?)
}

/// QEMU 7.2 reports only KVM. It is given one accelerator and never falls back to another, so without KVM it is the one
/// it was given.
fn in_use(kvm: bool, record: &MachineRecord) -> Accelerator {
    match record.spec.accelerator() {
        _ if kvm => Accelerator::Kvm,
        Some(Accelerator::Hvf) => Accelerator::Hvf,
        _ => Accelerator::Tcg,
    }
}

/// Ends the QEMU of a machine whose vmbuild is gone.
///
/// It is proved to be the machine's first: it holds the machine's lock, its process has the recorded start time, and its
/// monitor, if that still answers, has the recorded uuid. If any of these fails, nothing is ended and the error says
/// which. No QEMU at all is success.
pub(super) async fn end_leftover(
    folder: &MachineFolder,
    record: &MachineRecord,
    deadline: Deadline,
) -> Result<(), QemuError> {
    end_qemu(folder, record, deadline).await?;
    Ok(end_recorded(recorded(folder, record)?.vsock.as_ref()).await?)
}

async fn end_qemu(folder: &MachineFolder, record: &MachineRecord, deadline: Deadline) -> Result<(), QemuError> {
    if !folder.is_alive()? {
        return Ok(());
    }
    let uuid = recorded_uuid(folder, record)?;
    let process = recorded(folder, record)?.process;
    let Some(mut handle) = ProcessHandle::attach(folder, process)? else {
        return ended_meanwhile(folder, process);
    };
    end(folder, uuid, &mut handle, deadline).await
}

fn ended_meanwhile(folder: &MachineFolder, process: ProcessIdentity) -> Result<(), QemuError> {
    if !folder.is_alive()? {
        return Ok(());
    }
    let found = format!("its lock is held, but process {} is not the recorded one", process.pid);
    Err(QemuError::NotOurs { machine: folder.name().clone(), found })
}
