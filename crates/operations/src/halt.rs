//! `halt`: stops named machines.

use crate::named::{existing, stop, traced};
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_machine::MachineName;

/// Machines to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaltRequest {
    /// Their names.
    pub names: Vec<MachineName>,
}

/// Machines that were stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaltOutcome {
    /// Their names, in the order in which they were stopped.
    pub halted: Vec<MachineName>,
}

/// Stops the machines; their disks are kept for the next [`up`](crate::up).
pub async fn halt(context: &Context, request: HaltRequest) -> Result<HaltOutcome, Failure> {
    let mut halted = Vec::new();
    for folder in existing(context, request.names).await? {
        traced(context, folder.name(), stop(context, &folder)).await?;
        halted.push(folder.name().clone());
    }
    Ok(HaltOutcome { halted })
}
