//! The policy of locks, the same for packages that the host's apt resolves (`host`) and for those that a guest's
//! package manager resolves (`guest`).

use super::LockError;
use super::files::{find_lock, path_in, write_lock};
use crate::{Image, ImageError};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_guest::SessionError;
use vmbuild_machine::MachineError;
use vmbuild_packages::{PackageCache, PackageChange, PackageLock, PackageTrouble, drift, summary};

/// How a run uses the image's lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockMode {
    /// For comparison: drift is a warning.
    #[default]
    Compare,
    /// Exactly: nothing else is installed.
    Locked,
}

/// An image's lock, and the packages that its archive last resolved to.
pub(super) struct LockPolicy<'a> {
    pub(super) image: &'a Image,
    pub(super) cache: PackageCache,
    events: &'a Events,
    /// The lock of the image, if there is one.
    pub(super) lock: Option<PackageLock>,
}

impl<'a> LockPolicy<'a> {
    pub(super) fn load(store: &Store, image: &'a Image, events: &'a Events) -> Result<Self, ImageError> {
        Ok(Self { image, cache: PackageCache::of(store)?, events, lock: find_lock(store, image)? })
    }

    /// The lock, if nothing else may be installed.
    pub(super) fn required_lock(&self, mode: LockMode) -> Result<Option<PackageLock>, LockError> {
        match (mode, &self.lock) {
            (LockMode::Compare, _) => Ok(None),
            (LockMode::Locked, Some(lock)) => Ok(Some(lock.clone())),
            (LockMode::Locked, None) => {
                Err(LockError::NoLock { image: self.image.name.clone(), arch: std::env::consts::ARCH })
            }
        }
    }

    /// Warns about differences between the resolved packages and the lock.
    pub(super) fn warn_about_drift(&self, resolved: &PackageLock) {
        let changes = self.lock.as_ref().map(|known| drift(known, resolved)).unwrap_or_default();
        if !changes.is_empty() {
            let text = format!("{} packages differ from the lock: {}", changes.len(), summary(&changes));
            self.events.warn(Part::Golden, text);
        }
    }

    /// Keeps the resolved packages for a run without an archive.
    pub(super) fn remember(&self, resolved: &PackageLock) -> Result<(), ImageError> {
        write_lock(&self.cache.file("last"), resolved)?;
        Ok(())
    }

    /// Without an archive: the packages resolved last, or the lock, whichever is usable first; otherwise the error.
    pub(super) async fn fall_back(
        &self,
        error: ImageError,
        is_usable: impl AsyncFn(&PackageLock) -> Result<bool, ImageError>,
    ) -> Result<PackageLock, ImageError> {
        let last = fs_err::read_to_string(path_in(&self.cache.file("last"), &self.image.name)).ok();
        let last = last.and_then(|text| PackageLock::parse(&text, "the last resolved packages").ok());
        for lock in last.into_iter().chain(self.lock.clone()) {
            if is_usable(&lock).await? {
                self.note(&format!("{error}: using the packages of {}, which are all in the cache", lock.release));
                return Ok(lock);
            }
        }
        Err(error)
    }

    pub(super) fn drifted(&self, changes: Vec<PackageChange>) -> ImageError {
        LockError::Drift { image: self.image.name.clone(), changes }.into()
    }

    pub(super) fn note_all_cached(&self) {
        self.note("every package of the lock is in the cache: not asking an archive");
    }

    fn note(&self, text: &str) {
        self.events.note(Part::Golden, text);
    }
}

/// True if no archive answered, so that packages in the cache may be used. A wrong signature or hash is no such error.
pub(super) fn is_unreachable(error: &ImageError) -> bool {
    match error {
        ImageError::Packages(error) => error.is_unreachable(),
        ImageError::Machine(MachineError::Session(SessionError::Refused(failure))) => {
            PackageTrouble::of(&failure.tail) == PackageTrouble::Unreachable
        }
        _ => false,
    }
}
