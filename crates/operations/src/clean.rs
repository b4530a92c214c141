//! `clean`: deletes what can be made or downloaded again.

use crate::sweep::sweep;
use std::path::Path;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::{StoreError, empty_folder};
use vmbuild_image::{RemovalCount, remove_all, remove_disks, remove_packages};

/// Parts of the store to delete besides leftover machines and caches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanRequest {
    /// Golden machines that nobody uses.
    pub images: bool,
    /// Downloaded sources.
    pub sources: bool,
    /// Publishers' disks and packages that nobody uses.
    pub downloads: bool,
}

/// How many things were deleted of each kind that was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanOutcome {
    /// Entries of the cache.
    pub caches: usize,
    /// Downloaded sources.
    pub sources: usize,
    /// Golden machines.
    pub golden: RemovalCount,
    /// Publishers' disks.
    pub disks: RemovalCount,
    /// Packages.
    pub packages: usize,
}

/// Deletes leftover machines, caches, and the parts that were asked for.
pub async fn clean(context: &Context, request: CleanRequest) -> Result<CleanOutcome, Failure> {
    sweep(context).await?;
    let mut done = CleanOutcome { caches: empty(context, "caches", &context.store.cache())?, ..Default::default() };
    if request.sources {
        done.sources = empty(context, "sources", &context.store.sources())?;
    }
    if request.images {
        let phase = context.events.phase(Part::Cleanup, "golden machines", "");
        done.golden = remove_all(&context.store, &context.cancel).await?;
        phase.finish(counted(done.golden));
    }
    if request.downloads {
        let phase = context.events.phase(Part::Cleanup, "publishers' disks", "");
        done.disks = remove_disks(&context.store)?;
        phase.finish(counted(done.disks));
        let phase = context.events.phase(Part::Cleanup, "packages", "");
        done.packages = remove_packages(&context.store)?;
        phase.finish(format!("{} removed", done.packages));
    }
    Ok(done)
}

fn counted(removed: RemovalCount) -> String {
    match removed {
        RemovalCount { removed, kept: 0 } => format!("{removed} removed"),
        RemovalCount { removed, kept } => format!("{removed} removed, {kept} in use"),
    }
}

fn empty(context: &Context, kind: &str, folder: &Path) -> Result<usize, Failure> {
    let phase = context.events.phase(Part::Cleanup, kind, "");
    let removed = empty_folder(folder).map_err(StoreError::Io)?;
    phase.finish(format!("{removed} removed"));
    Ok(removed)
}
