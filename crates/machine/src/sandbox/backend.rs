//! The sandbox as a backend.

use super::{SandboxMachine, end_leftover, remove_cgroups, works_here};
use crate::ProcessIdentity;
use crate::backend::{
    AutoRank, Backend, BackendMachine, BackendRecord, BackendUnavailable, BootTiming, Emulation, FeatureSupport,
    Features, MachineRoot, RootKind, StartRequest, Transports,
};
use crate::{Accelerator, BackendKind, MachineError, MachineFolder, MachineRecord, MachineSpec, StartSource};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// The sandbox's part of the machine record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxRecord {
    /// The outer process.
    pub process: ProcessIdentity,
}

/// Linux namespaces.
#[derive(Debug, Clone, Copy)]
pub struct SandboxBackend;

impl Backend for SandboxBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Sandbox
    }

    fn about(&self) -> &'static str {
        "Linux namespaces"
    }

    fn features(&self) -> Features {
        Features {
            root: RootKind::Tree,
            grow_disk: FeatureSupport::Unsupported {
                reason: "its files are in this host's file system",
                hint: "`--backend qemu` gives it a disk; in the sandbox it can use all the space that the store has",
            },
            accelerator: FeatureSupport::Unsupported {
                reason: "it runs at the host's own speed",
                hint: "use `--accel` with `--backend qemu`",
            },
            emulation: Emulation::Never,
            pausable: false,
            own_clock: false,
            own_memory: false,
            needs_network: false,
            over_ssh: false,
            removal_stops: false,
            auto: AutoRank::Native,
        }
    }

    fn boot_timing(&self, _: &MachineSpec) -> BootTiming {
        BootTiming { key: "sandbox".to_owned(), least_stall: Duration::from_secs(30), patience: Duration::from_mins(1) }
    }

    fn start_from(&self, root: MachineRoot, _: Option<Accelerator>) -> Option<StartSource> {
        let MachineRoot::Tree(root) = root else { return None };
        Some(StartSource::Sandbox { root })
    }

    fn base_files<'a>(&self, start: &'a StartSource) -> Vec<&'a Path> {
        let StartSource::Sandbox { root } = start else { return Vec::new() };
        root.layers.iter().map(PathBuf::as_path).collect()
    }

    fn works_here<'a>(&'a self, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<(), BackendUnavailable>> {
        let hints = || vec!["`vmbuild doctor` lists what the sandbox needs".to_owned()];
        Box::pin(async move { works_here(cancel).await.map_err(|reason| BackendUnavailable::new(reason, hints())) })
    }

    fn start<'a>(
        &'a self,
        request: StartRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<Box<dyn BackendMachine>, MachineError>> {
        Box::pin(async move {
            let StartRequest { spec, folder, events, cancel } = request;
            Ok(Box::new(SandboxMachine::start(spec, folder, events, cancel).await?) as Box<dyn BackendMachine>)
        })
    }

    fn attach(&self, folder: &MachineFolder, record: &MachineRecord) -> Result<Box<dyn BackendMachine>, MachineError> {
        Ok(Box::new(SandboxMachine::attach(folder, record)?))
    }

    fn end_leftover<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
        deadline: Deadline,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { Ok(end_leftover(folder, record, deadline).await?) })
    }

    fn remove_leftovers<'a>(&'a self, folder: &'a MachineFolder) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move {
            remove_cgroups(folder).await;
            Ok(())
        })
    }
}

impl BackendMachine for SandboxMachine {
    fn record(&self) -> BackendRecord {
        BackendRecord::Sandbox(SandboxRecord { process: self.process() })
    }

    fn transports(&self) -> Transports {
        Transports { usable: vec![self.transport()], failed: Vec::new() }
    }

    fn exited(&mut self) -> LocalBoxFuture<'_, String> {
        Box::pin(Self::exited(self))
    }

    fn stop(&mut self, deadline: Deadline) -> LocalBoxFuture<'_, Result<(), MachineError>> {
        Box::pin(async move { Ok(Self::stop(self, deadline).await?) })
    }
}
