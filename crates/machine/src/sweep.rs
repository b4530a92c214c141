//! Removing the leftovers of killed commands. Every command does this first.
//!
//! A vmbuild that is killed cannot clean up. Its machine dies with it (the kernel sees to that), but its folder stays, and
//! takes gigabytes. A folder is not judged by names, ages or process numbers: it is a leftover if the lock that its
//! vmbuild held is free.

use super::folder::delete;
use super::spec::Lifetime;
use super::{FolderError, MachineFolder, remove};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::chain_line;
use vmbuild_core::store::{Store, entries};
use vmbuild_supervise::Deadline;

/// Time a leftover machine has to end.
const LIMIT: Duration = Duration::from_secs(15);
/// Age at which a half-made or half-deleted folder can no longer be in use.
const UNFINISHED_AGE: Duration = Duration::from_mins(15);

/// Ends and removes job machines whose vmbuild is gone, and folders that were never finished. A leftover that cannot be
/// removed is a warning: it does not keep anything from working.
pub async fn sweep(store: &Store, events: &Events, cancel: &CancellationToken) -> io::Result<()> {
    for folder in MachineFolder::list(&store.machines())? {
        match sweep_machine(&folder, cancel).await {
            Ok(SweepOutcome::InUse) => {}
            Ok(SweepOutcome::Removed) => {
                events.note(Part::Cleanup, format!("removed machine {}: its command was killed", folder.name()));
            }
            Err(error) => {
                let causes = chain_line(error.as_ref());
                events.warn(Part::Cleanup, format!("failed to remove leftover machine {}: {causes}", folder.name()));
            }
        }
    }
    for path in unfinished_folders(&store.machines())? {
        tracing::info!("deleting {}: it was never finished", path.display());
        if let Err(error) = delete(&path, cancel).await {
            events.warn(Part::Cleanup, format!("failed to remove leftover {}: {}", path.display(), chain_line(&error)));
        }
    }
    Ok(())
}

enum SweepOutcome {
    InUse,
    Removed,
}

async fn sweep_machine(
    folder: &MachineFolder,
    cancel: &CancellationToken,
) -> Result<SweepOutcome, vmbuild_core::failure::Failure> {
    let Some(_owner) = folder.take_owner_lock().await.map_err(FolderError::Io)? else {
        return Ok(SweepOutcome::InUse);
    };
    match folder.read_record()? {
        Some(record) if record.spec.lifetime == Lifetime::Named => return Ok(SweepOutcome::InUse),
        // Removal stops some backends' machines faster.
        Some(record) if !record.spec.backend().backend().features().removal_stops => {
            record.spec.backend().backend().end_leftover(folder, &record, Deadline::after(LIMIT)).await?;
        }
        Some(_) => {}
        None => wait_for_end(folder).await?,
    }
    tracing::debug!("removing machine {}: its owner's lock is free", folder.name());
    remove(folder, cancel).await?;
    Ok(SweepOutcome::Removed)
}

/// A machine without a record was never finished, and nothing proves which process is its own, so no process is ended.
/// It dies with its vmbuild, though, and is about to end by itself.
async fn wait_for_end(folder: &MachineFolder) -> Result<(), FolderError> {
    let deadline = Deadline::after(LIMIT);
    while folder.is_alive()? {
        if deadline.passed() {
            return Err(FolderError::Busy(folder.name().clone()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Folders whose creation or removal was never finished.
fn unfinished_folders(machines: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in entries(machines)? {
        let hidden =
            entry.file_name().to_str().is_some_and(|name| name.starts_with(".making-") || name.starts_with(".going-"));
        let age = entry.metadata().and_then(|about| about.modified()).map(|at| at.elapsed().unwrap_or_default());
        if hidden && age.is_ok_and(|age| age > UNFINISHED_AGE) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
