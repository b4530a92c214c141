//! Vagrant as a backend.

use super::project::{is_vagrant, supposed_to_run};
use super::{VagrantMachine, destroy, halt, is_running, works_here};
use crate::ProcessIdentity;
use crate::backend::{
    AutoRank, Backend, BackendMachine, BackendRecord, BackendUnavailable, BootTiming, Emulation, FeatureSupport,
    Features, MachineRoot, RootKind, StartRequest, Transports,
};
use crate::{Accelerator, BackendKind, MachineError, MachineFolder, MachineRecord, MachineSpec, StartSource};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_guest::SshWay;
use vmbuild_supervise::Deadline;

/// Vagrant's part of the machine record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VagrantMachineRecord {
    /// The vmbuild that started the machine: no process of the machine itself is a child of ours.
    pub process: ProcessIdentity,
    /// The machine's SSH server.
    pub ssh: SshWay,
}

/// Vagrant, with any provider.
#[derive(Debug, Clone, Copy)]
pub struct VagrantBackend;

impl Backend for VagrantBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Vagrant
    }

    fn about(&self) -> &'static str {
        "Vagrant, with whatever runs machines for it"
    }

    fn features(&self) -> Features {
        Features {
            root: RootKind::Box,
            grow_disk: FeatureSupport::Unsupported {
                reason: "its Vagrant box determines the size",
                hint: "`--backend qemu` gives it a disk that can grow; or use another box",
            },
            accelerator: FeatureSupport::Unsupported {
                reason: "Vagrant's provider selects it",
                hint: "for libvirt, set VMBUILD_DRIVER to `kvm` or `qemu`",
            },
            emulation: Emulation::ByProvider,
            pausable: false,
            own_clock: false,
            own_memory: false,
            needs_network: true,
            over_ssh: true,
            removal_stops: true,
            auto: AutoRank::LastResort,
        }
    }

    fn boot_timing(&self, spec: &MachineSpec) -> BootTiming {
        BootTiming {
            key: format!("vagrant-{}", spec.image),
            // The agent is sent over SSH, and an emulated processor computes keys for seconds.
            least_stall: Duration::from_mins(2),
            // By then its SSH server has let Vagrant in; the agent may still have to be sent.
            patience: Duration::from_mins(3),
        }
    }

    fn start_from(&self, root: MachineRoot, _: Option<Accelerator>) -> Option<StartSource> {
        let MachineRoot::Box(source) = root else { return None };
        Some(StartSource::Vagrant { source })
    }

    fn base_files<'a>(&self, _: &'a StartSource) -> Vec<&'a Path> {
        // Vagrant keeps its own copy of a box.
        Vec::new()
    }

    fn works_here<'a>(&'a self, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<(), BackendUnavailable>> {
        Box::pin(async move { works_here(cancel).await.map_err(|error| (&error).into()) })
    }

    fn start<'a>(
        &'a self,
        request: StartRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<Box<dyn BackendMachine>, MachineError>> {
        Box::pin(async move {
            let StartRequest { spec, folder, events, cancel } = request;
            Ok(Box::new(VagrantMachine::start(spec, folder, events, cancel).await?) as Box<dyn BackendMachine>)
        })
    }

    fn attach(&self, folder: &MachineFolder, record: &MachineRecord) -> Result<Box<dyn BackendMachine>, MachineError> {
        Ok(Box::new(VagrantMachine::attach(folder, record)?))
    }

    fn end_leftover<'a>(
        &'a self,
        folder: &'a MachineFolder,
        _: &'a MachineRecord,
        _: Deadline,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { Ok(halt(folder).await?) })
    }

    fn remove_leftovers<'a>(&'a self, folder: &'a MachineFolder) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { Ok(destroy(folder).await?) })
    }

    fn claims(&self, folder: &MachineFolder) -> bool {
        is_vagrant(folder)
    }

    fn is_running(&self, folder: &MachineFolder) -> io::Result<bool> {
        // No process of ours holds a lock; the note of the last `up` or `halt` has to do.
        Ok(supposed_to_run(folder))
    }

    fn confirm_running<'a>(
        &'a self,
        folder: &'a MachineFolder,
        cancel: &'a CancellationToken,
    ) -> LocalBoxFuture<'a, Result<bool, MachineError>> {
        Box::pin(async move { Ok(is_running(folder, cancel).await?) })
    }
}

impl BackendMachine for VagrantMachine {
    fn record(&self) -> BackendRecord {
        let (process, ssh) = (ProcessIdentity::of_this(), self.ssh().clone());
        BackendRecord::Vagrant(VagrantMachineRecord { process, ssh })
    }

    fn transports(&self) -> Transports {
        Transports { usable: vec![self.transport()], failed: Vec::new() }
    }

    fn exited(&mut self) -> LocalBoxFuture<'_, String> {
        // There is no process to wait for. The connection breaks, or falls silent.
        Box::pin(std::future::pending())
    }

    fn stop(&mut self, _: Deadline) -> LocalBoxFuture<'_, Result<(), MachineError>> {
        Box::pin(async move { Ok(Self::stop(self).await?) })
    }
}
