//! `destroy`: stops named machines and deletes them.

use crate::named::existing;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_machine::{MachineName, destroy_named};

/// Machines to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestroyRequest {
    /// Their names.
    pub names: Vec<MachineName>,
}

/// Machines that were deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestroyOutcome {
    /// Their names, in the order in which they were deleted.
    pub destroyed: Vec<MachineName>,
}

/// Stops the machines and deletes their folders.
pub async fn destroy(context: &Context, request: DestroyRequest) -> Result<DestroyOutcome, Failure> {
    let mut destroyed = Vec::new();
    for folder in existing(context, request.names).await? {
        let phase = context.events.phase(Part::Machine, "destroy", folder.name().to_string());
        destroy_named(&context.store, &folder, &context.cancel).await?;
        phase.finish("deleted");
        destroyed.push(folder.name().clone());
    }
    Ok(DestroyOutcome { destroyed })
}
