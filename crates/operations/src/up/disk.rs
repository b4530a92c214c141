//! The size of a named machine's disk.

use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_machine::backend::FeatureSupport;
use vmbuild_machine::{BackendKind, Machine, MachineError, MachineName};

/// The machine's backend cannot grow its disk.
#[derive(Debug, thiserror::Error)]
#[error("the disk of machine {name} cannot grow: {reason}")]
pub(super) struct DiskSizeError {
    name: MachineName,
    reason: &'static str,
    hint: &'static str,
}

impl DiskSizeError {
    fn of(backend: BackendKind, name: &MachineName) -> Option<Self> {
        match backend.backend().features().grow_disk {
            FeatureSupport::Supported => None,
            FeatureSupport::Unsupported { reason, hint } => Some(Self { name: name.clone(), reason, hint }),
        }
    }
}

impl Diagnose for DiskSizeError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![self.hint.to_owned()]
    }
}

/// Refuses a size for a machine whose backend gives it no disk that can grow.
pub(super) fn refuse_disk(mib: Option<u64>, backend: BackendKind, name: &MachineName) -> Result<(), DiskSizeError> {
    match DiskSizeError::of(backend, name) {
        Some(refusal) if mib.is_some() => Err(refusal),
        _ => Ok(()),
    }
}

/// Grows the machine's disk, and its file system with it, while it runs.
pub(super) async fn grow(context: &Context, machine: &Machine, mib: u64) -> Result<(), Failure> {
    let name = &machine.spec().name;
    refuse_disk(Some(mib), machine.spec().backend(), name)?;
    let phase = context.events.phase(Part::Machine, "disk", name.to_string());
    let record = machine.folder().read_record().map_err(MachineError::Folder)?;
    let record = record.ok_or_else(|| MachineError::NotRunning(name.clone()))?;
    record.spec.backend().backend().grow_disk(machine.folder(), &record, mib << 20).await?;
    let bytes = machine.ask(machine.session().grow_root(&context.cancel)).await?;
    phase.finish(format!("{} MiB", bytes >> 20));
    Ok(())
}
