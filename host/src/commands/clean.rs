//! `vmbuild clean`: deletes what can be made again.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::CleanArgs;
use std::path::Path;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store;
use vmbuild_image as image;
use vmbuild_image::RemovalCount;

/// Removes left-over machines and caches, and what the options add.
pub(crate) async fn clean(context: &CommandContext, args: CleanArgs) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    empty(context, "caches", &context.store.cache())?;
    if args.sources || args.all {
        empty(context, "sources", &context.store.sources())?;
    }
    if args.images || args.all {
        let phase = context.events.phase(Part::Cleanup, "golden machines", "");
        let removed = image::remove_all(&context.store, &context.cancel).await?;
        phase.finish(counted(removed));
    }
    if args.all {
        let phase = context.events.phase(Part::Cleanup, "publishers' disks", "");
        phase.finish(counted(image::remove_disks(&context.store)?));
        let phase = context.events.phase(Part::Cleanup, "packages", "");
        let removed = image::remove_packages(&context.store)?;
        phase.finish(format!("{removed} removed"));
    }
    Ok(Exit::Success.into())
}

fn counted(removed: RemovalCount) -> String {
    match removed {
        RemovalCount { removed, kept: 0 } => format!("{removed} removed"),
        RemovalCount { removed, kept } => format!("{removed} removed, {kept} in use"),
    }
}

fn empty(context: &CommandContext, what: &str, folder: &Path) -> Result<(), Failure> {
    let phase = context.events.phase(Part::Cleanup, what, "");
    let removed = store::empty_folder(folder).map_err(store::StoreError::Io)?;
    phase.finish(format!("{removed} removed"));
    Ok(())
}
