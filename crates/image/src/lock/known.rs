//! What is known of an image's packages before anybody is asked, and what is said of an answer: one policy, whether the
//! host's apt is asked (`obtain`) or a guest's (`decide`).

use super::drift::{Change, drift, summary};
use super::find::{find, path_in, write};
use super::obtain::Locking;
use super::{PackageCache, PackageLock};
use crate::{Image, ImageError};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_guest::SessionError;
use vmbuild_machine::MachineError;
use vmbuild_protocol::PackageTrouble;

/// Locks and answers of one image.
pub(super) struct KnownLocks<'a> {
    pub(super) image: &'a Image,
    pub(super) cache: PackageCache,
    events: &'a Events,
    /// The lock of the image, if there is one.
    pub(super) lock: Option<PackageLock>,
}

impl<'a> KnownLocks<'a> {
    pub(super) fn of(store: &Store, image: &'a Image, events: &'a Events) -> Result<Self, ImageError> {
        Ok(Self { image, cache: PackageCache::of(store)?, events, lock: find(store, image)? })
    }

    /// The lock, if nothing else may be taken.
    pub(super) fn binding(&self, locking: Locking) -> Result<Option<PackageLock>, ImageError> {
        match (locking, &self.lock) {
            (Locking::Compare, _) => Ok(None),
            (Locking::Locked, Some(lock)) => Ok(Some(lock.clone())),
            (Locking::Locked, None) => {
                Err(ImageError::NoLock { image: self.image.name.clone(), arch: std::env::consts::ARCH })
            }
        }
    }

    /// Says how an answer differs from the lock.
    pub(super) fn compare(&self, answer: &PackageLock) {
        let changes = self.lock.as_ref().map(|known| drift(known, answer)).unwrap_or_default();
        if !changes.is_empty() {
            let text = format!("{} packages are not those of the lock: {}", changes.len(), summary(&changes));
            self.events.warn(Part::Golden, text);
        }
    }

    /// Keeps an answer for a day without an archive.
    pub(super) fn remember(&self, answer: &PackageLock) -> Result<(), ImageError> {
        write(&self.cache.file("last"), answer)?;
        Ok(())
    }

    /// Without an archive: the last answer, or the lock, whichever is usable first. Otherwise the failure stands.
    pub(super) async fn remembered(
        &self,
        error: ImageError,
        is_usable: impl AsyncFn(&PackageLock) -> Result<bool, ImageError>,
    ) -> Result<PackageLock, ImageError> {
        let last = fs_err::read_to_string(path_in(&self.cache.file("last"), &self.image.name)).ok();
        let last = last.and_then(|text| PackageLock::parse(&text, "the last answer").ok());
        for lock in last.into_iter().chain(self.lock.clone()) {
            if is_usable(&lock).await? {
                self.note(&format!("{error}: the packages of {} are all in the cache and are taken", lock.release));
                return Ok(lock);
            }
        }
        Err(error)
    }

    pub(super) fn drifted(&self, changes: Vec<Change>) -> ImageError {
        ImageError::Drift { image: self.image.name.clone(), changes }
    }

    pub(super) fn note_no_archive_is_asked(&self) {
        self.note("every package of the lock is in the cache: no archive is asked");
    }

    fn note(&self, text: &str) {
        self.events.note(Part::Golden, text);
    }
}

/// Nobody answers: what is in the cache may do instead. A wrong signature or hash never leads here.
pub(super) fn is_absence(error: &ImageError) -> bool {
    match error {
        ImageError::NoArchive { .. } => true,
        ImageError::Archive { trouble, .. } => *trouble == PackageTrouble::Unreachable,
        ImageError::Machine(MachineError::Session(SessionError::Refused(failure))) => {
            PackageTrouble::of(&failure.tail) == PackageTrouble::Unreachable
        }
        _ => false,
    }
}
