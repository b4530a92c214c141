//! Downloaded packages under their SHA-256. A file is hashed again before every use.

use crate::{LockedPackage, PackageLock, PackagesError};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::blocking;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, sync_folder};

/// The store's package cache.
#[derive(Debug, Clone)]
pub struct PackageCache {
    folder: PathBuf,
}

impl PackageCache {
    /// The cache of this store.
    pub fn of(store: &Store) -> io::Result<Self> {
        fs_err::create_dir_all(store.packages())?;
        Ok(Self { folder: store.packages() })
    }

    /// The path of a package, whether or not it is cached.
    pub fn path(&self, package: &LockedPackage) -> PathBuf {
        self.folder.join(format!("{}.deb", package.sha256))
    }

    /// A file of the cache's own, next to the packages.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes the lock on the cache, with a note if another vmbuild holds it, and removes the leftovers of a killed run.
    pub async fn lock(&self, events: &Events, cancel: &CancellationToken) -> Result<Lock, PackagesError> {
        let mut lock = self.try_lock()?;
        if lock.is_none() {
            events.note(Part::Golden, "waiting for another vmbuild that is fetching packages");
            lock = Lock::take(&self.lock_file(), cancel).await?;
        }
        let lock = lock.ok_or(PackagesError::Cancelled)?;
        let arriving = self.arriving();
        if arriving.exists() {
            fs_err::remove_dir_all(arriving)?;
        }
        Ok(lock)
    }

    /// The lock on the cache, if nobody holds it.
    pub fn try_lock(&self) -> io::Result<Option<Lock>> {
        Lock::try_take(&self.lock_file())
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join(".lock")
    }

    /// The cached packages with another digest than these.
    pub fn others(&self, needed: &HashSet<String>) -> io::Result<Vec<PathBuf>> {
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

    /// The folder of unfinished downloads. Only the lock's holder uses it.
    pub fn arriving(&self) -> PathBuf {
        self.folder.join(".new-arriving")
    }

    /// Those of `packages` that are not cached, or damaged. Damaged ones are removed, with a warning.
    pub async fn missing(
        &self,
        packages: Vec<LockedPackage>,
        events: &Events,
    ) -> Result<Vec<LockedPackage>, PackagesError> {
        let cache = self.clone();
        let (missing, damaged) = blocking(move || cache.examine(packages)).await?;
        for name in damaged {
            events.warn(Part::Golden, format!("the cached package {name} is damaged and will be fetched again"));
        }
        Ok(missing)
    }

    /// Those packages of a lock that are not cached, or damaged.
    pub async fn missing_of(&self, lock: &PackageLock, events: &Events) -> Result<Vec<LockedPackage>, PackagesError> {
        self.missing(lock.all().cloned().collect(), events).await
    }

    /// Moves those packages of a lock into the cache that apt has downloaded into `folder`.
    pub async fn adopt_downloads(
        &self,
        folder: &Path,
        lock: &PackageLock,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<(), PackagesError> {
        let _held = self.lock(events, cancel).await?;
        let missing = self.missing_of(lock, events).await?;
        fs_err::create_dir_all(self.arriving())?;
        let mut arrived = Vec::new();
        for package in missing {
            let (from, to) = (folder.join(downloaded_name(&package)), self.arriving().join(package.sha256.to_string()));
            if from.is_file() {
                // A copy: the tree may be of another user, and on another file system.
                fs_err::copy(from, &to)?;
                arrived.push((to, package));
            }
        }
        self.adopt(arrived).await
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

    /// Moves those files of `arrived` that match their package into the cache.
    pub async fn adopt(&self, arrived: Vec<(PathBuf, LockedPackage)>) -> Result<(), PackagesError> {
        let cache = self.clone();
        blocking(move || {
            for (path, package) in arrived {
                if path.is_file() && is_whole(&path, &package)? {
                    fs_err::File::open(&path)?.sync_all()?;
                    fs_err::rename(&path, cache.path(&package))?;
                }
            }
            sync_folder(&cache.folder)
        })
        .await?;
        Ok(())
    }
}

fn is_whole(path: &Path, package: &LockedPackage) -> io::Result<bool> {
    let (size, sha256) = vmbuild_archive::sha256_file(path)?;
    Ok(size == package.size && sha256 == *package.sha256.as_bytes())
}

/// The file name that apt gives to a downloaded package. Source: apt 2.6, `apt-pkg/acquire-item.cc`, `pkgAcqArchive`.
fn downloaded_name(package: &LockedPackage) -> String {
    let quoted = |text: &str| text.replace('_', "%5f").replace(':', "%3a");
    format!("{}_{}_{}.deb", quoted(&package.name), quoted(&package.version), package.arch)
}
