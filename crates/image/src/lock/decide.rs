//! From a guest's own archives to a lock: what they offer now, or what the lock says.

use super::drift::drift;
use super::known::{KnownLocks, is_absence};
use super::{Change, LockedPackage, Locking, PackageCache, PackageLock};
use crate::description::SchemaOne;
use crate::{Image, ImageError, ImageSource};
use jiff::Zoned;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::store::Store;
use vmbuild_protocol::{Offered, PackageManager};

/// A guest's package manager with its archives.
pub(crate) trait Archives {
    /// What installing these would take, with lists that are renewed first or with those there are.
    async fn offered(&self, packages: Vec<String>, renewed: bool) -> Result<Vec<Offered>, ImageError>;

    /// The newest date of the archives' signed indices, as it stands there.
    async fn release(&self) -> Result<String, ImageError>;
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockRequest<'a> {
    pub(crate) store: &'a Store,
    pub(crate) image: &'a Image,
    pub(crate) locking: Locking,
    pub(crate) events: &'a Events,
    pub(crate) cancel: &'a CancellationToken,
}

/// Where the packages are to come from.
#[derive(Debug)]
pub(crate) enum Decision {
    /// From the cache, which has every one.
    Cached(PackageLock),
    /// From the guest's archives, which offer exactly these.
    Archives(PackageLock),
}

/// Decides on the packages of a cloud image.
pub(crate) async fn decide(order: &LockRequest<'_>, archives: &impl Archives) -> Result<Decision, ImageError> {
    let known = KnownLocks::of(order.store, order.image, order.events)?;
    let binding = known.binding(order.locking)?;
    let decider = Decider { order, known };
    match binding {
        None => decider.current(archives).await,
        Some(lock) => decider.locked(lock, archives).await,
    }
}

struct Decider<'a> {
    order: &'a LockRequest<'a>,
    known: KnownLocks<'a>,
}

impl Decider<'_> {
    async fn current(&self, archives: &impl Archives) -> Result<Decision, ImageError> {
        let lock = match self.ask(archives).await {
            Ok(lock) => lock,
            Err(error) if is_absence(&error) => {
                let is_usable = async |lock: &PackageLock| {
                    Ok(uncovered_here(self.order.image, lock).is_empty() && self.is_whole(lock).await?)
                };
                return self.known.remembered(error, is_usable).await.map(Decision::Cached);
            }
            Err(error) => return Err(error),
        };
        self.known.compare(&lock);
        self.known.remember(&lock)?;
        Ok(Decision::Archives(lock))
    }

    async fn locked(&self, lock: PackageLock, archives: &impl Archives) -> Result<Decision, ImageError> {
        let uncovered = uncovered_here(self.order.image, &lock);
        if !uncovered.is_empty() {
            return Err(self.known.drifted(uncovered));
        }
        if self.is_whole(&lock).await? {
            self.known.note_no_archive_is_asked();
            return Ok(Decision::Cached(lock));
        }
        let changes = drift(&lock, &self.ask(archives).await?);
        if changes.is_empty() { Ok(Decision::Archives(lock)) } else { Err(self.known.drifted(changes)) }
    }

    async fn ask(&self, archives: &impl Archives) -> Result<PackageLock, ImageError> {
        let image = self.order.image;
        let lists = image.lists()?;
        let all = [lists.runtime.clone(), lists.toolchain, lists.cpython].concat();
        let clean = locked(archives.offered(lists.runtime, true).await?)?;
        let mut build = locked(archives.offered(all, false).await?)?;
        build.retain(|package| !clean.contains(package));
        Ok(PackageLock {
            schema: SchemaOne,
            image: image.name.clone(),
            architecture: std::env::consts::ARCH.to_owned(),
            suite: base(image).to_owned(),
            release: archives.release().await?,
            snapshot: image.snapshot(),
            kernel: Vec::new(),
            clean,
            build,
        })
    }

    /// Whether the guest can be given everything: dnf's packages are compared, and not kept.
    async fn is_whole(&self, lock: &PackageLock) -> Result<bool, ImageError> {
        if self.order.image.lists()?.manager != PackageManager::Apt {
            return Ok(false);
        }
        let _held = self.known.cache.lock(self.order.events, self.order.cancel).await?;
        Ok(self.known.cache.missing(lock.all().cloned().collect(), self.order.events).await?.is_empty())
    }
}

/// A lock of additions says nothing about another base: then the base is what has changed. Which of the listed
/// packages the publisher's image has already, it does not say either.
fn uncovered_here(image: &Image, lock: &PackageLock) -> Vec<Change> {
    let base = base(image);
    if lock.suite == base {
        return Vec::new();
    }
    vec![Change { name: image.name.clone(), old: Some(lock.suite.clone()), new: Some(base.to_owned()) }]
}

/// What the packages are added to.
fn base(image: &Image) -> &str {
    match &image.source {
        ImageSource::CloudImage(cloud) => &cloud.release,
        ImageSource::Bootstrap { suite, .. } => suite,
    }
}

fn locked(offered: Vec<Offered>) -> Result<Vec<LockedPackage>, ImageError> {
    let mut packages = offered.into_iter().map(LockedPackage::offered).collect::<Result<Vec<_>, _>>()?;
    packages.sort();
    Ok(packages)
}

/// The newest of lines such as `Date: Sat, 12 Sep 2026 07:55:41 UTC`, without its first word.
pub(crate) fn newest_date(lines: &str) -> String {
    let dates = lines.lines().filter_map(|line| line.strip_prefix("Date: ")).map(str::trim);
    // apt writes UTC where RFC 2822 has GMT.
    let time = |date: &str| jiff::fmt::rfc2822::parse(&date.replace("UTC", "GMT")).ok().map(|at: Zoned| at.timestamp());
    dates.max_by_key(|date| time(date)).unwrap_or_default().to_owned()
}

/// Takes those of a lock's packages into the cache that apt has downloaded into `folder`.
pub(crate) async fn adopt(
    cache: &PackageCache,
    folder: &Path,
    lock: &PackageLock,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let _held = cache.lock(events, cancel).await?;
    let missing = cache.missing(lock.all().cloned().collect(), events).await?;
    fs_err::create_dir_all(cache.arriving())?;
    let mut arrived = Vec::new();
    for package in missing {
        let (from, to) = (folder.join(downloaded_name(&package)), cache.arriving().join(package.sha256.to_string()));
        if from.is_file() {
            // A copy: the tree may be of another user, and on another file system.
            fs_err::copy(from, &to)?;
            arrived.push((to, package));
        }
    }
    cache.adopt(arrived).await
}

/// What apt calls a package that it has downloaded. Source: apt 2.6, `apt-pkg/acquire-item.cc`, `pkgAcqArchive`.
fn downloaded_name(package: &LockedPackage) -> String {
    let quoted = |text: &str| text.replace('_', "%5f").replace(':', "%3a");
    format!("{}_{}_{}.deb", quoted(&package.name), quoted(&package.version), package.arch)
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
