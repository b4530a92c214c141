//! Deleting golden machines: they can be made again.

use super::{ImageError, host_tool};
use crate::store::{Lock, Store};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Deletes every golden machine that nobody is making now, and says how many there were.
pub async fn remove_all(store: &Store, cancel: &CancellationToken) -> Result<usize, ImageError> {
    let mut removed = 0;
    for image in fs_err::read_dir(store.images())? {
        removed += remove_image(&image?.path(), cancel).await?;
    }
    Ok(removed)
}

/// Empties the cache of packages, unless somebody is filling it now. Says how many entries there were.
pub fn remove_packages(store: &Store) -> Result<usize, ImageError> {
    let folder = store.packages();
    if !folder.is_dir() {
        return Ok(0);
    }
    let Some(_fetching) = Lock::try_take(&folder.join(".lock"))? else { return Ok(0) };
    Ok(crate::store::empty_folder(&folder)?.saturating_sub(1))
}

async fn remove_image(image: &Path, cancel: &CancellationToken) -> Result<usize, ImageError> {
    let Some(_making) = Lock::try_take(&image.join(".lock"))? else { return Ok(0) };
    let mut names = Vec::new();
    for entry in fs_err::read_dir(image)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend((name != ".lock").then_some(name));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !names.is_empty() {
        host_tool::remove(image, &names, cancel).await?;
    }
    Ok(names.len())
}
