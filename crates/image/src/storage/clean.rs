//! Deletion of everything that can be built or fetched again: golden machines, publishers' disks, packages.

use super::inventory::{keys, names};
use super::prune::remove;
use crate::golden::folder::{GoldenFolder, UNFINISHED};
use crate::golden::use_lock::{DeletePermission, request_deletion};
use crate::{ImageError, cloud};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::{Lock, Store, empty_folder};

/// Numbers of deleted things and of those kept because they are in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemovalCount {
    /// Deleted.
    pub removed: usize,
    /// Kept: in use, by another vmbuild or by a named machine.
    pub kept: usize,
}

/// Deletes every golden machine that is not in use.
pub async fn remove_all(store: &Store, cancel: &CancellationToken) -> Result<RemovalCount, ImageError> {
    let mut all = RemovalCount::default();
    for image in names(&store.images())? {
        let one = remove_image(store, &store.images().join(image), cancel).await?;
        all = RemovalCount { removed: all.removed + one.removed, kept: all.kept + one.kept };
    }
    Ok(all)
}

async fn remove_image(store: &Store, image: &Path, cancel: &CancellationToken) -> Result<RemovalCount, ImageError> {
    let keys = keys(image)?;
    let Some(_making) = Lock::try_take(&image.join(".lock"))? else {
        return Ok(RemovalCount { removed: 0, kept: keys.len() });
    };
    let unfinished = names(image)?.into_iter().filter(|name| name.starts_with(UNFINISHED));
    for name in unfinished {
        remove(&image.join(name), cancel).await?;
    }
    let mut count = RemovalCount::default();
    for key in keys {
        let folder = GoldenFolder::at(image.join(&key));
        match request_deletion(store, &folder, folder.path())? {
            DeletePermission::Granted(_lock) => {
                remove(folder.path(), cancel).await?;
                count.removed += 1;
            }
            DeletePermission::InUse | DeletePermission::NeededBy(_) => count.kept += 1,
        }
    }
    Ok(count)
}

/// Deletes every publisher's disk that is not being fetched.
pub fn remove_disks(store: &Store) -> Result<RemovalCount, ImageError> {
    let folders = cloud::folders(store)?;
    let mut removed = 0;
    for folder in &folders {
        removed += usize::from(cloud::remove_if_idle(folder)?);
    }
    Ok(RemovalCount { removed, kept: folders.len() - removed })
}

/// Empties the package cache, unless another vmbuild is filling it. Returns the number of deleted entries.
pub fn remove_packages(store: &Store) -> Result<usize, ImageError> {
    let folder = store.packages();
    if !folder.is_dir() {
        return Ok(0);
    }
    let Some(_fetching) = Lock::try_take(&folder.join(".lock"))? else { return Ok(0) };
    Ok(empty_folder(&folder)?.saturating_sub(1))
}
