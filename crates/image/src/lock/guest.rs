//! Packages of a cloud image: resolved by the guest's own package manager, or taken from the lock.

use super::LockMode;
use super::policy::{LockPolicy, is_unreachable};
use crate::{Image, ImageError, ImageSource};
use jiff::Zoned;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::store::Store;
use vmbuild_packages::{LockOrigin, LockedPackage, PackageChange, PackageLock, PackagesError, drift};
use vmbuild_protocol::{Offered, PackageManager};

/// A guest's package manager and its archives.
pub(crate) trait GuestArchives {
    /// The packages that installing these would take, by indices that are refreshed first or by those there are.
    async fn resolve(&self, packages: Vec<String>, refresh: bool) -> Result<Vec<Offered>, ImageError>;

    /// The newest date of the archives' signed indices, verbatim.
    async fn release(&self) -> Result<String, ImageError>;
}

/// A request for a cloud image's packages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuestLockRequest<'a> {
    pub(crate) store: &'a Store,
    pub(crate) image: &'a Image,
    pub(crate) mode: LockMode,
    pub(crate) events: &'a Events,
    pub(crate) cancel: &'a CancellationToken,
}

/// Where the packages come from.
#[derive(Debug)]
pub(crate) enum GuestPackages {
    /// From the cache, which has every one.
    Cached(PackageLock),
    /// From the guest's archives, which offer exactly these.
    Archives(PackageLock),
}

/// Resolves the packages of a cloud image.
pub(crate) async fn resolve_in_guest(
    request: &GuestLockRequest<'_>,
    archives: &impl GuestArchives,
) -> Result<GuestPackages, ImageError> {
    let policy = LockPolicy::load(request.store, request.image, request.events)?;
    let required = policy.required_lock(request.mode)?;
    let resolver = GuestResolver { request, policy };
    match required {
        None => resolver.current(archives).await,
        Some(lock) => resolver.locked(lock, archives).await,
    }
}

struct GuestResolver<'a> {
    request: &'a GuestLockRequest<'a>,
    policy: LockPolicy<'a>,
}

impl GuestResolver<'_> {
    async fn current(&self, archives: &impl GuestArchives) -> Result<GuestPackages, ImageError> {
        let lock = match self.resolve(archives).await {
            Ok(lock) => lock,
            Err(error) if is_unreachable(&error) => {
                let is_usable = async |lock: &PackageLock| {
                    Ok(base_change(self.request.image, lock).is_none() && self.is_cached(lock).await?)
                };
                return self.policy.fall_back(error, is_usable).await.map(GuestPackages::Cached);
            }
            Err(error) => return Err(error),
        };
        self.policy.warn_about_drift(&lock);
        self.policy.remember(&lock)?;
        Ok(GuestPackages::Archives(lock))
    }

    async fn locked(&self, lock: PackageLock, archives: &impl GuestArchives) -> Result<GuestPackages, ImageError> {
        if let Some(change) = base_change(self.request.image, &lock) {
            return Err(self.policy.drifted(vec![change]));
        }
        if self.is_cached(&lock).await? {
            self.policy.note_all_cached();
            return Ok(GuestPackages::Cached(lock));
        }
        let changes = drift(&lock, &self.resolve(archives).await?);
        if changes.is_empty() { Ok(GuestPackages::Archives(lock)) } else { Err(self.policy.drifted(changes)) }
    }

    async fn resolve(&self, archives: &impl GuestArchives) -> Result<PackageLock, ImageError> {
        let image = self.request.image;
        let lists = image.lists()?;
        let all = lists.all();
        let clean = locked(archives.resolve(lists.runtime, true).await?)?;
        let mut build = locked(archives.resolve(all, false).await?)?;
        build.retain(|package| !clean.contains(package));
        let origin = LockOrigin {
            image: image.name.clone(),
            suite: base_release(image).to_owned(),
            release: archives.release().await?,
            snapshot: image.snapshot(),
        };
        let mut lock = PackageLock::empty(origin);
        (lock.clean, lock.build) = (clean, build);
        Ok(lock)
    }

    /// True if the guest can be given everything from the cache. dnf's packages are compared, and not kept.
    async fn is_cached(&self, lock: &PackageLock) -> Result<bool, ImageError> {
        if self.request.image.lists()?.manager != PackageManager::Apt {
            return Ok(false);
        }
        let _held = self.policy.cache.lock(self.request.events, self.request.cancel).await?;
        Ok(self.policy.cache.missing_of(lock, self.request.events).await?.is_empty())
    }
}

/// The change of the publisher's release, if the lock was made for another one: its additions say nothing about this
/// release.
fn base_change(image: &Image, lock: &PackageLock) -> Option<PackageChange> {
    let base = base_release(image);
    let change =
        || PackageChange { name: image.name.clone(), old: Some(lock.suite.clone()), new: Some(base.to_owned()) };
    (lock.suite != base).then(change)
}

/// The release that the packages are added to.
fn base_release(image: &Image) -> &str {
    match &image.source {
        ImageSource::CloudImage(cloud) => &cloud.release,
        ImageSource::Bootstrap { suite, .. } => suite,
    }
}

fn locked(offered: Vec<Offered>) -> Result<Vec<LockedPackage>, PackagesError> {
    let mut packages = offered.into_iter().map(LockedPackage::from_offered).collect::<Result<Vec<_>, _>>()?;
    packages.sort();
    Ok(packages)
}

/// The newest of lines such as `Date: Sat, 12 Sep 2026 07:55:41 UTC`, without the field's name.
pub(crate) fn newest_date(lines: &str) -> String {
    let dates = lines.lines().filter_map(|line| line.strip_prefix("Date: ")).map(str::trim);
    // apt writes UTC where RFC 2822 has GMT.
    let time = |date: &str| jiff::fmt::rfc2822::parse(&date.replace("UTC", "GMT")).ok().map(|at: Zoned| at.timestamp());
    dates.max_by_key(|date| time(date)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::newest_date;

    #[test]
    fn the_newest_date_counts() {
        let lines =
            "Date: Sat, 12 Sep 2026 07:55:41 UTC\nOrigin: x\nDate: Fri, 18 Sep 2026 01:00:00 +0000\nDate: soon\n";
        assert_eq!(newest_date(lines), "Fri, 18 Sep 2026 01:00:00 +0000");
        assert_eq!(newest_date(""), "");
    }
}
