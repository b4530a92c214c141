//! Packages of a bootstrapped image: resolved and downloaded by the host's apt, or taken from the lock.

use super::LockMode;
use super::policy::{LockPolicy, is_unreachable};
use crate::description::DescriptionError;
use crate::{Image, ImageError, ImageSource};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_packages::{
    AptClient, AptResolveRequest, ArchiveRequest, LockedPackage, PackageArchive, PackageCache, PackageChange,
    PackageDownload, PackageLock, PackageTrouble, PackagesError, drift, resolve, retry,
};

/// A request for an image's packages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackageRequest<'a> {
    pub(crate) store: &'a Store,
    pub(crate) image: &'a Image,
    pub(crate) mode: LockMode,
    /// Another archive than the one this host uses.
    pub(crate) archive: Option<&'a PackageArchive>,
    pub(crate) events: &'a Events,
    pub(crate) cancel: &'a CancellationToken,
}

/// Packages that are all in the cache.
#[derive(Debug)]
pub(crate) struct FetchedPackages {
    pub(crate) lock: PackageLock,
    /// The address of their archive, or the package cache if no archive was asked.
    pub(crate) archive: String,
}

/// The archive that an image is bootstrapped from.
pub(crate) async fn archive_of(image: &Image, cancel: &CancellationToken) -> Result<PackageArchive, ImageError> {
    let ImageSource::Bootstrap { suite, keyring, components, snapshot } = &image.source else {
        return Err(DescriptionError::NoBootstrap { name: image.name.clone() }.into());
    };
    Ok(ArchiveRequest { suite, components, keyring, snapshot: snapshot.as_deref() }.locate(cancel).await?)
}

/// Resolves the image's packages and fetches those that are not in the cache.
pub(crate) async fn resolve_and_fetch(request: &PackageRequest<'_>) -> Result<FetchedPackages, ImageError> {
    let _held = PackageCache::of(request.store)?.lock(request.events, request.cancel).await?;
    let resolver = HostResolver::new(request)?;
    match resolver.policy.required_lock(request.mode)? {
        None => resolver.fetch_current().await,
        Some(lock) => resolver.fetch_locked(lock).await,
    }
}

/// Fetches the packages that an image currently resolves to, and returns them.
pub async fn fetch_packages(
    store: &Store,
    image: &Image,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<PackageLock, ImageError> {
    let request = PackageRequest { store, image, mode: LockMode::Compare, archive: None, events, cancel };
    Ok(resolve_and_fetch(&request).await?.lock)
}

/// Fetches those packages of a lock that are not in the cache. Returns `false` for a cloud image with packages
/// missing: only its own package manager knows their archive.
pub(crate) async fn ensure_cached(request: &PackageRequest<'_>, lock: &PackageLock) -> Result<bool, ImageError> {
    let _held = PackageCache::of(request.store)?.lock(request.events, request.cancel).await?;
    let resolver = HostResolver::new(request)?;
    if resolver.missing(lock).await?.is_empty() {
        return Ok(true);
    }
    if !matches!(request.image.source, ImageSource::Bootstrap { .. }) {
        return Ok(false);
    }
    resolver.fetch_missing(&resolver.archive().await?, lock).await?;
    Ok(true)
}

struct HostResolver<'a> {
    request: &'a PackageRequest<'a>,
    policy: LockPolicy<'a>,
}

impl<'a> HostResolver<'a> {
    fn new(request: &'a PackageRequest<'a>) -> Result<Self, ImageError> {
        Ok(Self { request, policy: LockPolicy::load(request.store, request.image, request.events)? })
    }
}

impl HostResolver<'_> {
    /// Fetches what the archive offers now; without an archive, what it offered last.
    async fn fetch_current(&self) -> Result<FetchedPackages, ImageError> {
        let resolved = match self.archive().await {
            Ok(archive) => self.resolve(&archive).await.map(|lock| (archive, lock)),
            Err(error) => Err(error),
        };
        let (archive, lock) = match resolved {
            Ok(resolved) => resolved,
            Err(error) if is_unreachable(&error) => return self.fall_back(error).await,
            Err(error) => return Err(error),
        };
        self.policy.warn_about_drift(&lock);
        self.fetch_missing(&archive, &lock).await?;
        self.policy.remember(&lock)?;
        Ok(FetchedPackages { lock, archive: archive.address })
    }

    /// Fetches exactly the packages of the lock.
    async fn fetch_locked(&self, lock: PackageLock) -> Result<FetchedPackages, ImageError> {
        let unlocked = unlocked_packages(self.request.image, &lock)?;
        if !unlocked.is_empty() {
            return Err(self.policy.drifted(unlocked));
        }
        if self.missing(&lock).await?.is_empty() {
            self.policy.note_all_cached();
            return Ok(FetchedPackages { lock, archive: "the package cache".to_owned() });
        }
        let archive = self.archive().await?;
        match self.fetch_missing(&archive, &lock).await {
            Err(PackagesError::Archive { trouble: PackageTrouble::Gone, .. }) => {
                Err(self.drift_error(&archive, &lock).await?)
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(FetchedPackages { lock, archive: archive.address }),
        }
    }

    async fn resolve(&self, archive: &PackageArchive) -> Result<PackageLock, ImageError> {
        let PackageRequest { image, events, cancel, .. } = *self.request;
        let running = events.phase(Part::Golden, "resolve", format!("{} at {}", image.name, archive.address));
        let apt = self.apt(archive)?;
        let lists = image.lists()?;
        let request = AptResolveRequest { image: &image.name, lists: &lists, kernel: image.kernel_package()?, archive };
        let lock = retry(&archive.address, events, cancel, async |last| {
            if last == Some(PackageTrouble::Mismatch) {
                apt.discard_indices()?;
            }
            resolve(&apt, request, cancel).await
        });
        let lock = lock.await?;
        running.finish(format!("{} packages, archive of {}", lock.all().count(), lock.release));
        Ok(lock)
    }

    async fn fetch_missing(&self, archive: &PackageArchive, lock: &PackageLock) -> Result<(), PackagesError> {
        let missing = self.missing(lock).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let PackageRequest { events, cancel, .. } = *self.request;
        let (cache, apt) = (&self.policy.cache, &self.apt(archive)?);
        PackageDownload { cache, apt, archive, events, cancel }.run(missing).await
    }

    async fn missing(&self, lock: &PackageLock) -> Result<Vec<LockedPackage>, PackagesError> {
        self.policy.cache.missing_of(lock, self.request.events).await
    }

    /// Packages that need no archive, if all of them are in the cache.
    async fn fall_back(&self, error: ImageError) -> Result<FetchedPackages, ImageError> {
        let is_usable = async |lock: &PackageLock| {
            Ok(unlocked_packages(self.request.image, lock)?.is_empty() && self.missing(lock).await?.is_empty())
        };
        let lock = self.policy.fall_back(error, is_usable).await?;
        Ok(FetchedPackages { lock, archive: "the package cache".to_owned() })
    }

    /// The error for a lock with packages that the archive no longer has, with their replacements.
    async fn drift_error(&self, archive: &PackageArchive, lock: &PackageLock) -> Result<ImageError, ImageError> {
        let gone = self.missing(lock).await?;
        let changes = drift(lock, &self.resolve(archive).await?);
        let is_gone = |change: &PackageChange| gone.iter().any(|package| package.name == change.name);
        let named: Vec<PackageChange> = changes.iter().filter(|change| is_gone(change)).cloned().collect();
        // Gone and yet still in the index: a mirror that lost files.
        let missing =
            |package: LockedPackage| PackageChange { name: package.name, old: Some(package.version), new: None };
        Ok(self.policy.drifted(if named.is_empty() { gone.into_iter().map(missing).collect() } else { named }))
    }

    async fn archive(&self) -> Result<PackageArchive, ImageError> {
        match self.request.archive {
            Some(archive) => Ok(archive.clone()),
            None => archive_of(self.request.image, self.request.cancel).await,
        }
    }

    fn apt(&self, archive: &PackageArchive) -> Result<AptClient, PackagesError> {
        AptClient::new(&self.policy.cache.file(&format!("apt-{}", self.request.image.name)), archive)
    }
}

/// Listed packages that the lock does not have.
fn unlocked_packages(image: &Image, lock: &PackageLock) -> Result<Vec<PackageChange>, ImageError> {
    let listed = image.lists()?.all();
    let unknown = |name: &String| !lock.all().any(|package| package.name == *name);
    let change = |name| PackageChange { name, old: None, new: None };
    let mut changes: Vec<PackageChange> = listed.into_iter().filter(unknown).map(change).collect();
    changes.sort();
    changes.dedup();
    Ok(changes)
}
