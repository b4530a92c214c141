//! From an image to packages in the cache: what they are now, or what the lock says.

use super::apt::{AptClient, PackageArchive};
use super::drift::{Change, drift};
use super::known::{KnownLocks, is_absence};
use super::{LockedPackage, PackageCache, PackageLock, fetch::fetch, persist::persist, resolve::resolve};
use crate::{Image, ImageError, ImageSource, archive_address};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_protocol::PackageTrouble;

/// What a lock file is to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locking {
    /// Something to compare with: drift is a warning.
    #[default]
    Compare,
    /// What is taken, and nothing else.
    Locked,
}

/// What is wanted of the archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackageWish<'a> {
    pub(crate) store: &'a Store,
    pub(crate) image: &'a Image,
    pub(crate) locking: Locking,
    /// Another archive than the one this host uses.
    pub(crate) archive: Option<&'a PackageArchive>,
    pub(crate) events: &'a Events,
    pub(crate) cancel: &'a CancellationToken,
}

/// Packages that are in the cache, every one.
#[derive(Debug)]
pub(crate) struct Obtained {
    pub(crate) lock: PackageLock,
    /// The address of the archive they are from, or why none was asked.
    pub(crate) archive: String,
}

/// Decides on the packages and sees to it that all of them are in the cache.
pub(crate) async fn obtain(wish: &PackageWish<'_>) -> Result<Obtained, ImageError> {
    let _held = PackageCache::of(wish.store)?.lock(wish.events, wish.cancel).await?;
    let quest = LockResolver { wish, known: KnownLocks::of(wish.store, wish.image, wish.events)? };
    match quest.known.binding(wish.locking)? {
        None => quest.current().await,
        Some(lock) => quest.locked(lock).await,
    }
}

/// Brings the packages here that an image is made of now, and says which.
pub async fn fetch_packages(
    store: &Store,
    image: &Image,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<PackageLock, ImageError> {
    let wish = PackageWish { store, image, locking: Locking::Compare, archive: None, events, cancel };
    Ok(obtain(&wish).await?.lock)
}

/// Sees to it that the packages of a lock that was decided on are all in the cache; whether they are. Of a cloud
/// image only its own package manager knows where they are from.
pub(crate) async fn complete(
    store: &Store,
    image: &Image,
    lock: &PackageLock,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<bool, ImageError> {
    let _held = PackageCache::of(store)?.lock(events, cancel).await?;
    let wish = PackageWish { store, image, locking: Locking::Locked, archive: None, events, cancel };
    let quest = LockResolver { wish: &wish, known: KnownLocks::of(store, image, events)? };
    if quest.missing(lock).await?.is_empty() {
        return Ok(true);
    }
    if !matches!(image.source, ImageSource::Bootstrap { .. }) {
        return Ok(false);
    }
    quest.complete(&quest.archive().await?, lock).await?;
    Ok(true)
}

struct LockResolver<'a> {
    wish: &'a PackageWish<'a>,
    known: KnownLocks<'a>,
}

impl LockResolver<'_> {
    /// What the archive offers now; without an archive, what it offered last.
    async fn current(&self) -> Result<Obtained, ImageError> {
        let resolved = match self.archive().await {
            Ok(archive) => self.ask(&archive).await.map(|lock| (archive, lock)),
            Err(error) => Err(error),
        };
        let (archive, lock) = match resolved {
            Ok(found) => found,
            Err(error) if is_absence(&error) => return self.remembered(error).await,
            Err(error) => return Err(error),
        };
        self.known.compare(&lock);
        self.complete(&archive, &lock).await?;
        self.known.remember(&lock)?;
        Ok(Obtained { lock, archive: archive.address })
    }

    /// What the lock says, to the byte.
    async fn locked(&self, lock: PackageLock) -> Result<Obtained, ImageError> {
        let uncovered = uncovered(self.wish.image, &lock)?;
        if !uncovered.is_empty() {
            return Err(self.known.drifted(uncovered));
        }
        if self.missing(&lock).await?.is_empty() {
            self.known.note_no_archive_is_asked();
            return Ok(Obtained { lock, archive: "the package cache".to_owned() });
        }
        let archive = self.archive().await?;
        match self.complete(&archive, &lock).await {
            Err(ImageError::Archive { trouble: PackageTrouble::Gone, .. }) => {
                Err(self.outdated(&archive, &lock).await?)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Obtained { lock, archive: archive.address }),
        }
    }

    async fn ask(&self, archive: &PackageArchive) -> Result<PackageLock, ImageError> {
        let PackageWish { image, events, cancel, .. } = *self.wish;
        let running = events.phase(Part::Golden, "resolve", format!("{} at {}", image.name, archive.address));
        let apt = self.apt(archive)?;
        let lock = persist(&archive.address, events, cancel, async |last| {
            if last == Some(PackageTrouble::Mismatch) {
                apt.forget()?;
            }
            resolve(&apt, image, archive, cancel).await
        });
        let lock = lock.await?;
        running.finish(format!("{} packages, archive of {}", lock.all().count(), lock.release));
        Ok(lock)
    }

    /// Fetches what is missing.
    async fn complete(&self, archive: &PackageArchive, lock: &PackageLock) -> Result<(), ImageError> {
        let missing = self.missing(lock).await?;
        if missing.is_empty() {
            return Ok(());
        }
        fetch(&self.known.cache, &self.apt(archive)?, archive, missing, self.wish.events, self.wish.cancel).await
    }

    async fn missing(&self, lock: &PackageLock) -> Result<Vec<LockedPackage>, ImageError> {
        self.known.cache.missing(lock.all().cloned().collect(), self.wish.events).await
    }

    /// What is known without an archive, if all of it is in the cache.
    async fn remembered(&self, error: ImageError) -> Result<Obtained, ImageError> {
        let is_usable = async |lock: &PackageLock| {
            Ok(uncovered(self.wish.image, lock)?.is_empty() && self.missing(lock).await?.is_empty())
        };
        let lock = self.known.remembered(error, is_usable).await?;
        Ok(Obtained { lock, archive: "the package cache".to_owned() })
    }

    /// The lock names packages that the archive has no more: with what it has instead.
    async fn outdated(&self, archive: &PackageArchive, lock: &PackageLock) -> Result<ImageError, ImageError> {
        let gone = self.missing(lock).await?;
        let changes = drift(lock, &self.ask(archive).await?);
        let is_gone = |change: &Change| gone.iter().any(|package| package.name == change.name);
        let named: Vec<Change> = changes.iter().filter(|change| is_gone(change)).cloned().collect();
        // Gone and yet still in the index: a mirror that lost files. Then what is missing has to do as a name.
        let missing = |package: LockedPackage| Change { name: package.name, old: Some(package.version), new: None };
        Ok(self.known.drifted(if named.is_empty() { gone.into_iter().map(missing).collect() } else { named }))
    }

    async fn archive(&self) -> Result<PackageArchive, ImageError> {
        match self.wish.archive {
            Some(archive) => Ok(archive.clone()),
            None => archive_address::archive(self.wish.image, self.wish.cancel).await,
        }
    }

    fn apt(&self, archive: &PackageArchive) -> Result<AptClient, ImageError> {
        AptClient::new(&self.known.cache.file(&format!("apt-{}", self.wish.image.name)), archive)
    }
}

/// Listed packages that the lock does not have.
fn uncovered(image: &Image, lock: &PackageLock) -> Result<Vec<Change>, ImageError> {
    let lists = image.lists()?;
    let listed = lists.runtime.into_iter().chain(lists.toolchain).chain(lists.cpython);
    let unknown = |name: &String| !lock.all().any(|package| package.name == *name);
    let mut changes: Vec<Change> = listed.filter(unknown).map(|name| Change { name, old: None, new: None }).collect();
    changes.sort();
    changes.dedup();
    Ok(changes)
}
