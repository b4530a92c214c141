//! `list`: the names of the machines that exist.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;
use vmbuild_machine::{MachineFolder, MachineName};

/// Lists every machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListRequest;

/// The machines that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOutcome {
    /// Their names, sorted.
    pub names: Vec<MachineName>,
}

/// Lists the machines without connecting to any of them.
pub async fn list(context: &Context, _request: ListRequest) -> Result<ListOutcome, Failure> {
    sweep(context).await?;
    let folders = MachineFolder::list(&context.store.machines()).map_err(StoreError::Io)?;
    Ok(ListOutcome { names: folders.iter().map(|folder| folder.name().clone()).collect() })
}
