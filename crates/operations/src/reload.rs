//! `reload`: stops named machines and starts them again.

use crate::named::{existing, start, stop, traced};
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_machine::{FolderError, MachineError, MachineFolder, MachineName};

/// Machines to restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadRequest {
    /// Their names.
    pub names: Vec<MachineName>,
}

/// Machines that were restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// Their names, in the order in which they were restarted.
    pub reloaded: Vec<MachineName>,
}

/// Stops the machines and starts them again from their own disks.
pub async fn reload(context: &Context, request: ReloadRequest) -> Result<ReloadOutcome, Failure> {
    let mut reloaded = Vec::new();
    for folder in existing(context, request.names).await? {
        traced(context, folder.name(), restart(context, &folder)).await?;
        reloaded.push(folder.name().clone());
    }
    Ok(ReloadOutcome { reloaded })
}

async fn restart(context: &Context, folder: &MachineFolder) -> Result<(), Failure> {
    stop(context, folder).await?;
    let missing = || MachineError::Folder(FolderError::Missing(folder.name().clone()));
    let record = folder.read_record().map_err(MachineError::Folder)?.ok_or_else(missing)?;
    start(context, record.spec).await?;
    Ok(())
}
