//! Cloud images in the store: `cloud/<pinned digest>/`.
//!
//! ```text
//! disk.qcow2     the image: read-only, hashed before every use
//! image.json     its record
//! .partial       an unfinished download
//! .lock          held by the vmbuild that fetches
//! ```

use super::record::{CloudRecord, SCHEMA};
use super::{CloudError, DiskFormat, FileDigest, digest};
use crate::ImageError;
use crate::storage::inventory::names;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, sync_folder, write_atomically};

/// The folder of one image.
#[derive(Debug, Clone)]
pub(super) struct CacheSlot {
    folder: PathBuf,
    format: DiskFormat,
}

/// The folder of all fetched images.
fn folder(store: &Store) -> PathBuf {
    store.root().join("cloud")
}

/// The folders of the fetched images, sorted.
pub(crate) fn folders(store: &Store) -> Result<Vec<PathBuf>, ImageError> {
    let all = folder(store);
    Ok(names(&all)?.into_iter().map(|name| all.join(name)).collect())
}

/// Deletes a fetched image, unless it is being fetched. Returns whether it did.
pub(crate) fn remove_if_idle(folder: &Path) -> io::Result<bool> {
    let Some(_fetching) = Lock::try_take(&folder.join(".lock"))? else { return Ok(false) };
    fs_err::remove_dir_all(folder)?;
    Ok(true)
}

impl CacheSlot {
    pub(super) fn new(store: &Store, pinned: FileDigest, format: DiskFormat) -> Self {
        Self { folder: folder(store).join(pinned.file_name()), format }
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    pub(super) fn disk(&self) -> PathBuf {
        match self.format {
            DiskFormat::Qcow2 => self.folder.join("disk.qcow2"),
        }
    }

    pub(super) fn partial(&self) -> PathBuf {
        self.folder.join(".partial")
    }

    fn record_file(&self) -> PathBuf {
        self.folder.join("image.json")
    }

    /// Creates the folder and takes its lock; waits for another vmbuild that fetches the same.
    pub(super) async fn lock(&self, events: &Events, cancel: &CancellationToken) -> Result<Lock, CloudError> {
        fs_err::create_dir_all(&self.folder)?;
        let path = self.folder.join(".lock");
        if let Some(lock) = Lock::try_take(&path)? {
            return Ok(lock);
        }
        events.note(Part::Image, "waiting for another vmbuild that is fetching the same image");
        Lock::take(&path, cancel).await?.ok_or(CloudError::Cancelled)
    }

    /// The image's record, if the image is cached. One without a readable record counts as missing.
    pub(super) fn record(&self) -> Option<CloudRecord> {
        let record: CloudRecord = serde_json::from_slice(&fs_err::read(self.record_file()).ok()?).ok()?;
        (record.schema == SCHEMA && self.disk().is_file()).then_some(record)
    }

    /// The image, hashed again. A damaged one is removed, with a warning. The caller holds the lock.
    pub(super) async fn find(
        &self,
        pinned: FileDigest,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Option<CloudRecord>, CloudError> {
        let Some(record) = self.record() else { return Ok(None) };
        let running = events.phase(Part::Image, "verify", format!("{} {}", record.image, record.release));
        let hashed = hash(&self.disk(), pinned, cancel).await?;
        if hashed.digest == pinned {
            running.finish(format!("{}, {}", pinned.short(), record.provenance));
            return Ok(Some(record));
        }
        fs_err::remove_file(self.disk())?;
        let text = format!("removed a damaged image from the store: {} has {}", self.disk().display(), hashed.digest);
        events.warn(Part::Image, text);
        Ok(None)
    }

    /// Gives the verified download its name. The record is written first: without it the image counts as missing.
    pub(super) fn adopt(&self, record: &CloudRecord) -> io::Result<()> {
        write_atomically(&self.record_file(), &serde_json::to_vec_pretty(record)?)?;
        fs_err::set_permissions(self.partial(), std::fs::Permissions::from_mode(0o444))?;
        fs_err::rename(self.partial(), self.disk())?;
        sync_folder(&self.folder)
    }
}

/// Hashes a file.
pub(super) async fn hash(
    path: &Path,
    like: FileDigest,
    cancel: &CancellationToken,
) -> Result<digest::FileHashes, CloudError> {
    let (path, cancel) = (path.to_owned(), cancel.clone());
    let hashed = vmbuild_core::blocking(move || digest::of_file(&path, like, &cancel)).await?;
    hashed.ok_or(CloudError::Cancelled)
}
