//! QEMU as a backend.

use super::{QemuBinary, QemuMachine, VsockRecord, end_leftover, grow_disk, resume, status};
use crate::backend::{
    AutoRank, Backend, BackendMachine, BackendRecord, BackendUnavailable, BootTiming, Emulation, FeatureSupport,
    Features, MachineRoot, RootKind, StartRequest, Transports,
};
use crate::guard::PAUSED;
use crate::{Accelerator, BackendKind, MachineError, MachineFolder, MachineRecord, MachineSpec, StartSource};
use crate::{ProcessIdentity, RootDisk};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vmbuild_supervise::Deadline;

/// QEMU's part of the machine record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuRecord {
    /// QEMU's process.
    pub process: ProcessIdentity,
    /// QEMU's uuid for this start, which its monitor is proved by.
    pub uuid: String,
    /// The vsock device it was started with.
    #[serde(default)]
    pub vsock: Option<VsockRecord>,
}

impl QemuRecord {
    pub(super) fn parse_uuid(&self) -> Option<Uuid> {
        Uuid::parse_str(&self.uuid).ok()
    }
}

/// QEMU system emulation.
#[derive(Debug, Clone, Copy)]
pub struct QemuBackend;

impl Backend for QemuBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Qemu
    }

    fn about(&self) -> &'static str {
        "QEMU system emulation"
    }

    fn features(&self) -> Features {
        Features {
            root: RootKind::Disk,
            grow_disk: FeatureSupport::Supported,
            accelerator: FeatureSupport::Supported,
            emulation: Emulation::ByAccelerator,
            pausable: true,
            own_clock: true,
            own_memory: true,
            needs_network: false,
            over_ssh: false,
            removal_stops: false,
            auto: AutoRank::Accelerated,
        }
    }

    fn boot_timing(&self, spec: &MachineSpec) -> BootTiming {
        let accelerator = spec.accelerator().unwrap_or(Accelerator::Tcg);
        match spec.start {
            // A distribution's own start-up takes minutes when it is emulated, and the agent comes late in it.
            StartSource::FirstBoot { .. } => BootTiming {
                key: format!("first-boot-{accelerator}-{}", spec.image),
                least_stall: Duration::from_mins(5),
                patience: Duration::from_mins(15),
            },
            _ => BootTiming {
                key: format!("qemu-{accelerator}-{}", spec.image),
                least_stall: Duration::from_secs(30),
                patience: Duration::from_mins(3),
            },
        }
    }

    fn start_from(&self, root: MachineRoot, accelerator: Option<Accelerator>) -> Option<StartSource> {
        let MachineRoot::Disk(root) = root else { return None };
        Some(StartSource::Qemu { accelerator: accelerator.unwrap_or(Accelerator::Tcg), root })
    }

    fn base_files<'a>(&self, start: &'a StartSource) -> Vec<&'a Path> {
        match start {
            StartSource::Qemu { root: RootDisk { disk, kernel, initramfs, .. }, .. } => vec![disk, kernel, initramfs],
            StartSource::FirstBoot { system, .. } => vec![&system.disk],
            _ => Vec::new(),
        }
    }

    fn works_here<'a>(&'a self, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<(), BackendUnavailable>> {
        Box::pin(async move { QemuBinary::find(cancel).await.map(drop).map_err(|error| (&error).into()) })
    }

    fn start<'a>(
        &'a self,
        request: StartRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<Box<dyn BackendMachine>, MachineError>> {
        Box::pin(async move {
            let StartRequest { spec, folder, events, cancel } = request;
            Ok(Box::new(QemuMachine::start(spec, folder, events, cancel).await?) as Box<dyn BackendMachine>)
        })
    }

    fn attach(&self, folder: &MachineFolder, record: &MachineRecord) -> Result<Box<dyn BackendMachine>, MachineError> {
        Ok(Box::new(QemuMachine::attach(folder, record)?))
    }

    fn end_leftover<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
        deadline: Deadline,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { Ok(end_leftover(folder, record, deadline).await?) })
    }

    fn grow_disk<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
        bytes: u64,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { Ok(grow_disk(folder, record, bytes).await?) })
    }

    fn is_paused<'a>(&'a self, folder: &'a MachineFolder, record: &'a MachineRecord) -> LocalBoxFuture<'a, bool> {
        // A monitor that serves another client is asked again at the next check.
        Box::pin(async move { status(folder, record).await.is_ok_and(|status| status.state == PAUSED) })
    }

    fn resume<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { Ok(resume(folder, record).await?) })
    }
}

impl BackendMachine for QemuMachine {
    fn record(&self) -> BackendRecord {
        let (process, uuid, vsock) = (self.process(), self.uuid(), Some(self.vsock().clone()));
        BackendRecord::Qemu(QemuRecord { process, uuid, vsock })
    }

    fn transports(&self) -> Transports {
        Self::transports(self)
    }

    fn exited(&mut self) -> LocalBoxFuture<'_, String> {
        Box::pin(Self::exited(self))
    }

    fn stop(&mut self, deadline: Deadline) -> LocalBoxFuture<'_, Result<(), MachineError>> {
        Box::pin(async move { Ok(Self::stop(self, deadline).await?) })
    }
}
