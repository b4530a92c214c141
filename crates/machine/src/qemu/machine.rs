//! A machine under QEMU.

use super::launch::{QemuLaunch, not_ours, qemu_output};
use super::qmp::{Qmp, QmpError};
use super::vsock::{self, VsockTransport};
use super::{QemuBinary, QemuError, QemuRecord, VsockRecord, files};
use crate::ProcessIdentity;
use crate::agent_parameters::CONSOLE_MARK;
use crate::backend::{BackendRecord, Transports};
use crate::log_tail;
use crate::process_handle::ProcessHandle;
use crate::{MachineFolder, MachineRecord, MachineSpec};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vmbuild_core::event::{Events, Part};
use vmbuild_supervise::Deadline;

/// A running QEMU.
#[derive(Debug)]
pub struct QemuMachine {
    folder: MachineFolder,
    uuid: Uuid,
    identity: ProcessIdentity,
    handle: ProcessHandle,
    vsock: VsockRecord,
    /// The vsock device, if we started it.
    device: VsockTransport,
}

impl QemuMachine {
    /// Starts QEMU over an overlay of the spec's disk. Returns once QMP answers; the guest may still boot.
    pub async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, QemuError> {
        let accelerator = spec.accelerator().ok_or_else(|| QemuError::OtherBackend(spec.name.clone()))?;
        let phase = events.phase(Part::Machine, "start", spec.name.to_string());
        let launch = QemuLaunch::start(spec, folder, &QemuBinary::path()?, cancel).await?;
        let (uuid, identity) = (launch.uuid, launch.process()?);
        let started = launch.finish(cancel).await;
        if matches!(started, Err(QemuError::EndedEarly { .. })) {
            // A QEMU that is too old refuses a switch with its own message; ours has a hint.
            QemuBinary::find(cancel).await?;
        }
        let (child, device, version) = started?;
        phase.finish(format!("qemu {version}, {accelerator}"));
        let (handle, vsock) = (ProcessHandle::Child(Box::new(child)), device.record());
        Ok(Self { folder: folder.clone(), uuid, identity, handle, vsock, device })
    }

    /// Attaches to a machine that an earlier vmbuild started: to its process, which holds the machine's lock and has the
    /// recorded start time. Only stopping it also asks its monitor for proof, so other commands cost no question to QEMU.
    pub fn attach(folder: &MachineFolder, record: &MachineRecord) -> Result<Self, QemuError> {
        let gone = || QemuError::NotRunning(folder.name().clone());
        let (own, uuid) = (recorded(folder, record)?, recorded_uuid(folder, record)?);
        let handle = ProcessHandle::attach(folder, own.process)?.ok_or_else(gone)?;
        let no_vsock = || VsockRecord::None { why: "it was started without a vsock device".to_owned() };
        let vsock = own.vsock.clone().unwrap_or_else(no_vsock);
        let (folder, identity, device) = (folder.clone(), own.process, VsockTransport::moved());
        Ok(Self { folder, uuid, identity, handle, vsock, device })
    }

    /// Transports to the agent.
    pub fn transports(&self) -> Transports {
        vsock::transports(&self.folder, &self.vsock)
    }

    /// Its vsock, for the machine's record.
    pub fn vsock(&self) -> &VsockRecord {
        &self.vsock
    }

    /// QEMU's process, for the machine's record.
    pub fn process(&self) -> ProcessIdentity {
        self.identity
    }

    /// QEMU's uuid for this start, for the machine's record.
    pub fn uuid(&self) -> String {
        self.uuid.to_string()
    }

    /// Resolves when QEMU exits by itself, with its output and the end of the serial console. Cancel-safe.
    pub async fn exited(&mut self) -> String {
        let how = self.handle.ended().await;
        let console = log_tail::text(&self.folder.file(files::CONSOLE));
        exit_report(&how, &qemu_output(&self.folder), &console)
    }

    /// Stops it, after the caller asked the agent to power off: half of the deadline for that, then the power button, then
    /// QMP's `quit`, and signals at the deadline.
    pub async fn stop(&mut self, deadline: Deadline) -> Result<(), QemuError> {
        self.stop_qemu(deadline).await?;
        self.device.end().await;
        Ok(vsock::end_recorded(Some(&self.vsock)).await?)
    }

    async fn stop_qemu(&mut self, deadline: Deadline) -> Result<(), QemuError> {
        if self.handle.ends_within(deadline.left() / 2).await {
            return Ok(());
        }
        // If the monitor cannot do this, the next step is stronger.
        if let Ok(mut qmp) = self.monitor(deadline).await
            && qmp.system_powerdown().await.is_ok()
            && self.handle.ends_within(deadline.left() / 2).await
        {
            return Ok(());
        }
        end(&self.folder, self.uuid, &mut self.handle, deadline).await
    }

    async fn monitor(&self, deadline: Deadline) -> Result<Qmp, QemuError> {
        proven_monitor(&self.folder, self.uuid, deadline).await
    }
}

/// The machine's monitor, once it has proved to be that of the QEMU with this uuid.
pub(super) async fn proven_monitor(folder: &MachineFolder, uuid: Uuid, deadline: Deadline) -> Result<Qmp, QemuError> {
    let mut qmp = Qmp::open(&folder.file(files::MONITOR), deadline).await?;
    if qmp.query_uuid().await? == uuid { Ok(qmp) } else { Err(not_ours(folder)) }
}

/// Ends a QEMU that is proved to be the machine's: `quit`, then signals. Another QEMU's monitor in its place prevents that,
/// unless the process is our own child; a monitor that does not answer does not.
pub(super) async fn end(
    folder: &MachineFolder,
    uuid: Uuid,
    handle: &mut ProcessHandle,
    deadline: Deadline,
) -> Result<(), QemuError> {
    match quit(folder, uuid, deadline).await {
        Err(QemuError::NotOurs { machine, found }) if !matches!(handle, ProcessHandle::Child(_)) => {
            return Err(QemuError::NotOurs { machine, found });
        }
        Ok(()) if handle.ends_within(deadline.left()).await => return Ok(()),
        Ok(()) | Err(_) => {}
    }
    if handle.force().await? {
        return Ok(());
    }
    Err(QemuError::StillRunning { machine: folder.name().clone(), limit: deadline.limit() })
}

async fn quit(folder: &MachineFolder, uuid: Uuid, deadline: Deadline) -> Result<(), QemuError> {
    let qmp = proven_monitor(folder, uuid, deadline).await?;
    Ok(qmp.quit().await.or_else(|refused| match refused {
        // It may have ended on its own between the two.
        QmpError::Unreachable { .. } => Ok(()),
        refused => Err(refused),
    })?)
}

/// The uuid in a record.
pub(super) fn recorded_uuid(folder: &MachineFolder, record: &MachineRecord) -> Result<Uuid, QemuError> {
    recorded(folder, record)?.parse_uuid().ok_or_else(|| QemuError::OtherBackend(folder.name().clone()))
}

/// QEMU's part of a record.
pub(super) fn recorded<'a>(folder: &MachineFolder, record: &'a MachineRecord) -> Result<&'a QemuRecord, QemuError> {
    match &record.backend {
        BackendRecord::Qemu(own) => Ok(own),
        _ => Err(QemuError::OtherBackend(folder.name().clone())),
    }
}

/// Report of an exited QEMU: its status, its output, and the guest's.
fn exit_report(how: &str, output: &str, console: &str) -> String {
    // From the agent's first line on; the kernel's output before it is noise.
    let from = console.find(CONSOLE_MARK).unwrap_or_default();
    let output = if output.is_empty() { String::new() } else { format!(":\n{output}") };
    let console = match &console[from..] {
        "" => String::new(),
        lines => format!("\nlast console lines:\n{lines}"),
    };
    format!("QEMU {how}{output}{console}")
}

#[cfg(test)]
mod tests {
    use super::exit_report;

    fn check(output: &str, console: &str, expect: &str) {
        assert_eq!(exit_report("exited with 1", output, console), expect);
    }

    #[test]
    fn an_exit_is_reported_with_all_output() {
        check("", "", "QEMU exited with 1");
        check("no such file", "", "QEMU exited with 1:\nno such file");
        check("", "[1.0] panic", "QEMU exited with 1\nlast console lines:\n[1.0] panic");
        check(
            "",
            "noise\nvmbuild-agent: fatal: no disk\n[1.0] Power down",
            "QEMU exited with 1\nlast console lines:\nvmbuild-agent: fatal: no disk\n[1.0] Power down",
        );
    }
}
