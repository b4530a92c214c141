//! Deleting what can be made or fetched again: golden machines, publishers' disks, packages.

use super::folder::{GoldenFolder, UNFINISHED};
use super::inventory::{keys, names};
use super::prune::remove;
use super::usage::{Deletable, deletable};
use super::{ImageError, cloud};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::{Lock, Store, empty_folder};

/// How many things were deleted, and how many stayed because somebody needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Deleted.
    pub removed: usize,
    /// Left where they are: in use, or what a named machine stands on.
    pub kept: usize,
}

/// Deletes every golden machine that nobody makes, uses or stands on.
pub async fn remove_all(store: &Store, cancel: &CancellationToken) -> Result<Removed, ImageError> {
    let mut all = Removed::default();
    for image in names(&store.images())? {
        let one = remove_image(store, &store.images().join(image), cancel).await?;
        all = Removed { removed: all.removed + one.removed, kept: all.kept + one.kept };
    }
    Ok(all)
}

async fn remove_image(store: &Store, image: &Path, cancel: &CancellationToken) -> Result<Removed, ImageError> {
    let keys = keys(image)?;
    let Some(_making) = Lock::try_take(&image.join(".lock"))? else {
        return Ok(Removed { removed: 0, kept: keys.len() });
    };
    let unfinished = names(image)?.into_iter().filter(|name| name.starts_with(UNFINISHED));
    for name in unfinished {
        remove(&image.join(name), cancel).await?;
    }
    let mut count = Removed::default();
    for key in keys {
        let folder = GoldenFolder::at(image.join(&key));
        match deletable(store, &folder, folder.path())? {
            Deletable::Yes(_lock) => {
                remove(folder.path(), cancel).await?;
                count.removed += 1;
            }
            Deletable::Used | Deletable::NeededBy(_) => count.kept += 1,
        }
    }
    Ok(count)
}

/// Deletes every publisher's disk that nobody is fetching.
pub fn remove_disks(store: &Store) -> Result<Removed, ImageError> {
    let folders = cloud::folders(store)?;
    let mut removed = 0;
    for folder in &folders {
        removed += usize::from(cloud::remove_if_idle(folder)?);
    }
    Ok(Removed { removed, kept: folders.len() - removed })
}

/// Empties the cache of packages, unless somebody is filling it now. Says how many entries there were.
pub fn remove_packages(store: &Store) -> Result<usize, ImageError> {
    let folder = store.packages();
    if !folder.is_dir() {
        return Ok(0);
    }
    let Some(_fetching) = Lock::try_take(&folder.join(".lock"))? else { return Ok(0) };
    Ok(empty_folder(&folder)?.saturating_sub(1))
}
