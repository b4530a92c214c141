//! `image prune`: deletes what no current image needs.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_image::{PruneMode, PrunedItem, prune as prune_images};
use vmbuild_machine::agent_binary;

/// How to prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagePruneRequest {
    /// Delete, or only name what would be deleted.
    pub mode: PruneMode,
}

/// Things that no current image needs.
#[derive(Debug)]
pub struct ImagePruneOutcome {
    /// All of them, with those that were kept because somebody uses them.
    pub found: Vec<PrunedItem>,
    /// Bytes that were freed, or would be.
    pub bytes: u64,
}

/// Deletes, or names, what no current image needs.
pub async fn prune(context: &Context, request: ImagePruneRequest) -> Result<ImagePruneOutcome, Failure> {
    sweep(context).await?;
    // Without an agent nobody knows which initramfs is in use: all are kept.
    let agent = agent_binary::find().ok();
    let found = prune_images(&context.store, agent.as_deref(), request.mode, &context.cancel).await?;
    let bytes = found.iter().filter(|found| found.kept.is_none()).map(|found| found.bytes).sum();
    let freed = match request.mode {
        PruneMode::Real => "freed",
        PruneMode::DryRun => "would be freed",
    };
    context.events.note(Part::Cleanup, format!("{} {freed}", size(bytes)));
    Ok(ImagePruneOutcome { found, bytes })
}
