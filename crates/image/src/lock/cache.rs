//! Packages that were downloaded once, by their SHA-256. A file is believed only after it was hashed again.

use super::LockedPackage;
use crate::ImageError;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, sync_folder};

/// The store's packages.
#[derive(Debug, Clone)]
pub(crate) struct PackageCache {
    folder: PathBuf,
}

impl PackageCache {
    /// The cache of this store.
    pub(crate) fn of(store: &Store) -> io::Result<Self> {
        fs_err::create_dir_all(store.packages())?;
        Ok(Self { folder: store.packages() })
    }

    /// Where a package lies, if it is there.
    pub(crate) fn path(&self, package: &LockedPackage) -> PathBuf {
        self.folder.join(format!("{}.deb", package.sha256))
    }

    /// A file of the cache's own, beside the packages.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes the lock on the cache, saying so if another vmbuild holds it, and removes what a killed one left.
    pub(super) async fn lock(&self, events: &Events, cancel: &CancellationToken) -> Result<Lock, ImageError> {
        let mut lock = self.try_lock()?;
        if lock.is_none() {
            events.note(Part::Golden, "another vmbuild is fetching packages: waiting for it");
            lock = Lock::take(&self.lock_file(), cancel).await?;
        }
        let lock = lock.ok_or(ImageError::Cancelled)?;
        let arriving = self.arriving();
        if arriving.exists() {
            fs_err::remove_dir_all(arriving)?;
        }
        Ok(lock)
    }

    /// The lock on the cache, if nobody holds it.
    pub(crate) fn try_lock(&self) -> io::Result<Option<Lock>> {
        Lock::try_take(&self.lock_file())
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join(".lock")
    }

    /// The packages whose digest is none of these.
    pub(super) fn others(&self, needed: &HashSet<String>) -> io::Result<Vec<PathBuf>> {
        let mut others = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.strip_suffix(".deb").is_some_and(|digest| !needed.contains(digest)) {
                others.push(self.folder.join(name));
            }
        }
        others.sort();
        Ok(others)
    }

    /// Where downloads arrive. Only the lock's holder uses it.
    pub(super) fn arriving(&self) -> PathBuf {
        self.folder.join(".new-arriving")
    }

    /// Those of `packages` that are not there, or not whole: the latter are thrown out, and named.
    pub(crate) async fn missing(
        &self,
        packages: Vec<LockedPackage>,
        events: &Events,
    ) -> Result<Vec<LockedPackage>, ImageError> {
        let cache = self.clone();
        // Hashing: hundreds of megabytes.
        let sorted = tokio::task::spawn_blocking(move || cache.examine(packages)).await;
        let (missing, damaged) = sorted.map_err(io::Error::other)??;
        for name in damaged {
            events.warn(Part::Golden, format!("the cached package {name} was damaged: it is fetched again"));
        }
        Ok(missing)
    }

    fn examine(&self, packages: Vec<LockedPackage>) -> io::Result<(Vec<LockedPackage>, Vec<String>)> {
        let (mut missing, mut damaged) = (Vec::new(), Vec::new());
        for package in packages {
            let path = self.path(&package);
            if path.symlink_metadata().is_ok() {
                if is_whole(&path, &package)? {
                    continue;
                }
                fs_err::remove_file(&path)?;
                damaged.push(package.file_name().to_owned());
            }
            missing.push(package);
        }
        Ok((missing, damaged))
    }

    /// Takes in those files of `arrived` that are what they should be.
    pub(super) async fn adopt(&self, arrived: Vec<(PathBuf, LockedPackage)>) -> Result<(), ImageError> {
        let cache = self.clone();
        let adopted = tokio::task::spawn_blocking(move || {
            for (path, package) in arrived {
                if path.is_file() && is_whole(&path, &package)? {
                    fs_err::File::open(&path)?.sync_all()?;
                    fs_err::rename(&path, cache.path(&package))?;
                }
            }
            sync_folder(&cache.folder)
        });
        Ok(adopted.await.map_err(io::Error::other)??)
    }
}

fn is_whole(path: &Path, package: &LockedPackage) -> io::Result<bool> {
    let (size, sha256) = vmbuild_archive::sha256_file(path)?;
    Ok(size == package.size && sha256 == *package.sha256.as_bytes())
}
