//! Virtualization.framework as a backend.

use super::command::VfkitCommand;
use crate::backend::{
    AutoRank, Backend, BackendMachine, BackendUnavailable, BootTiming, Emulation, FeatureSupport, Features,
    MachineRoot, RootKind, StartRequest,
};
use crate::{
    Accelerator, BackendKind, MachineError, MachineFolder, MachineRecord, MachineSpec, ProcessIdentity, StartSource,
};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::future::ready;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// The framework's part of the machine record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VzRecord {
    /// The process of `vfkit`.
    pub process: ProcessIdentity,
}

/// Apple's Virtualization.framework.
#[derive(Debug, Clone, Copy)]
pub struct VzBackend;

impl Backend for VzBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Vz
    }

    fn about(&self) -> &'static str {
        "Apple's Virtualization.framework (trial)"
    }

    fn features(&self) -> Features {
        Features {
            root: RootKind::Disk,
            grow_disk: FeatureSupport::Unsupported {
                reason: "Virtualization.framework resizes no disk of a running machine",
                hint: "`--backend qemu` gives it a disk that can grow",
            },
            accelerator: FeatureSupport::Unsupported {
                reason: "Virtualization.framework is the hypervisor",
                hint: "use `--accel` with `--backend qemu`",
            },
            emulation: Emulation::Never,
            pausable: false,
            own_clock: true,
            own_memory: true,
            needs_network: false,
            over_ssh: false,
            removal_stops: false,
            auto: AutoRank::Trial,
        }
    }

    fn boot_timing(&self, spec: &MachineSpec) -> BootTiming {
        BootTiming {
            key: format!("vz-{}", spec.image),
            least_stall: Duration::from_secs(30),
            patience: Duration::from_mins(1),
        }
    }

    fn start_from(&self, root: MachineRoot, _: Option<Accelerator>) -> Option<StartSource> {
        let MachineRoot::Disk(root) = root else { return None };
        Some(StartSource::Vz { root })
    }

    fn base_files<'a>(&self, start: &'a StartSource) -> Vec<&'a Path> {
        let StartSource::Vz { root } = start else { return Vec::new() };
        vec![&root.disk, &root.kernel, &root.initramfs]
    }

    fn works_here<'a>(&'a self, _: &'a CancellationToken) -> LocalBoxFuture<'a, Result<(), BackendUnavailable>> {
        Box::pin(ready(Err(BackendUnavailable::new(why_not(), Vec::new()))))
    }

    fn start<'a>(
        &'a self,
        request: StartRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<Box<dyn BackendMachine>, MachineError>> {
        Box::pin(ready(Err(unavailable(describe(request)))))
    }

    fn attach(&self, _: &MachineFolder, _: &MachineRecord) -> Result<Box<dyn BackendMachine>, MachineError> {
        Err(unavailable(why_not().to_owned()))
    }

    fn end_leftover<'a>(
        &'a self,
        _: &'a MachineFolder,
        _: &'a MachineRecord,
        _: Deadline,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        Box::pin(ready(Err(unavailable(why_not().to_owned()))))
    }
}

fn why_not() -> &'static str {
    if cfg!(target_os = "macos") { "nothing starts `vfkit` yet" } else { "only macOS has it" }
}

fn unavailable(reason: String) -> MachineError {
    MachineError::Unavailable { backend: BackendKind::Vz, source: BackendUnavailable::new(reason, Vec::new()) }
}

/// The reason, with the command line that would be run.
fn describe(StartRequest { spec, folder, .. }: StartRequest<'_>) -> String {
    let StartSource::Vz { root } = &spec.start else { return why_not().to_owned() };
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match VfkitCommand::new(spec, root, folder, clock) {
        Ok(command) => format!("{}; its command line would be `vfkit {}`", why_not(), command.arguments().join(" ")),
        Err(refused) => refused.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::VzBackend;
    use crate::backend::Backend;
    use tokio_util::sync::CancellationToken;

    #[tokio::test(flavor = "current_thread")]
    async fn other_systems_do_not_have_it() {
        let refused = VzBackend.works_here(&CancellationToken::new()).await.expect_err("a trial");
        let expect = if cfg!(target_os = "macos") { "nothing starts `vfkit` yet" } else { "only macOS has it" };
        assert_eq!(refused.to_string(), expect);
    }
}
