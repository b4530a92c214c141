//! Making a clean machine of what the publisher's image is: the runtime packages.
//!
//! The image's own package manager knows its archives and their keys, so it is asked, before anything is installed,
//! what the lists of both roles come to. That is compared with the lock; then the clean role's packages are installed
//! and the build role's are downloaded, and both come into the cache with the tree. A lock whose packages are all in
//! the cache needs no archive at all: they are sent in.

use super::guest::run;
use super::make::FirstBoot;
use crate::ImageError;
use crate::bootstrap::EPOCH;
use crate::lock::{self, Archives, Decision, PackageCache, PackageLock};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_guest::{CopyDepth, GuestTree, send};
use vmbuild_machine::Machine;
use vmbuild_protocol::{Offered, Package, Provision, Stage};

/// The package manager's own folder of what it downloaded, under the root.
const DOWNLOADED: &str = "var/cache/apt/archives";

/// What a clean machine has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provisioned {
    /// Everything that is installed.
    pub(crate) installed: Vec<Package>,
    /// What exactly was added, or will be for the build role.
    pub(crate) lock: PackageLock,
    /// Where that came from, for people.
    pub(crate) archive: String,
}

/// Installs the image's runtime packages.
pub(super) async fn install(machine: &Machine, first: &FirstBoot<'_>) -> Result<Provisioned, ImageError> {
    ProvisionedGuest { machine, first }.install().await
}

/// Takes what the tree's package manager downloaded into the cache.
pub(super) async fn keep(tree: &Path, lock: &PackageLock, first: &FirstBoot<'_>) -> Result<(), ImageError> {
    lock::adopt(&PackageCache::of(first.store)?, &tree.join(DOWNLOADED), lock, first.events, first.cancel).await
}

impl FirstBoot<'_> {
    fn wish(&self, packages: Vec<String>, sources: Option<String>, stage: Stage) -> Result<Provision, ImageError> {
        let epoch = EPOCH.parse().map_err(std::io::Error::other)?;
        let snapshot = self.image.snapshot().filter(|_| sources.is_none());
        Ok(Provision { manager: self.image.lists()?.manager, packages, sources, snapshot, epoch: Some(epoch), stage })
    }
}

/// A guest with its package manager.
struct ProvisionedGuest<'a> {
    machine: &'a Machine,
    first: &'a FirstBoot<'a>,
}

impl ProvisionedGuest<'_> {
    async fn install(&self) -> Result<Provisioned, ImageError> {
        let FirstBoot { store, image, locking, events, cancel, .. } = *self.first;
        let order = lock::LockRequest { store, image, locking, events, cancel };
        match lock::decide(&order, self).await? {
            Decision::Cached(lock) => self.take_from_cache(lock).await,
            Decision::Archives(lock) => self.take_from_archives(lock).await,
        }
    }

    async fn take_from_archives(&self, lock: PackageLock) -> Result<Provisioned, ImageError> {
        let FirstBoot { image, events, cancel, .. } = *self.first;
        let lists = image.lists()?;
        let clean = self.first.wish(lists.runtime.clone(), None, Stage::Install)?;
        let build = lists.runtime.into_iter().chain(lists.toolchain).chain(lists.cpython).collect();
        let build = self.first.wish(build, None, Stage::Download)?;
        let installed = provision(self.machine, clean, events, cancel).await?;
        provision(self.machine, build, events, cancel).await?;
        Ok(Provisioned { installed, archive: from(&lock), lock })
    }

    /// Sends the clean role's packages in, as a folder that apt takes for an archive.
    async fn take_from_cache(&self, lock: PackageLock) -> Result<Provisioned, ImageError> {
        let FirstBoot { store, image, events, cancel, .. } = *self.first;
        let (folder, inside) = (tempfile::tempdir_in(store.cache())?, Path::new("/").join(lock::FOLDER));
        let inside = inside.to_string_lossy().into_owned();
        let wanted: Vec<_> = lock.clean.iter().collect();
        lock::make_repository(folder.path(), &wanted, &PackageCache::of(store)?, cancel).await?;
        let line = lock::sources_line("file", Path::new(&inside))?;
        fs_err::write(folder.path().join(lock::SOURCES), format!("{line}\n"))?;
        let running = events.phase(Part::Golden, "send packages", format!("{} packages", wanted.len()));
        let target = GuestTree { path: &inside, depth: CopyDepth::Tree };
        let sending = send(self.machine.session(), folder.path(), target, &running, cancel);
        let sent = sending.await.map_err(|source| ImageError::NotTaken { source })?;
        running.finish(format!("{} MB", sent.bytes / 1_000_000));
        let sources = format!("{inside}/{}", lock::SOURCES);
        let wish = self.first.wish(image.lists()?.runtime, Some(sources), Stage::Whole)?;
        let installed = provision(self.machine, wish, events, cancel).await?;
        run(self.machine, &["rm", "-r", &inside], cancel).await?;
        Ok(Provisioned { installed, lock, archive: "the package cache".to_owned() })
    }
}

fn from(lock: &PackageLock) -> String {
    match lock.release.as_str() {
        "" => "the image's own archives".to_owned(),
        release => format!("the image's own archives of {release}"),
    }
}

impl Archives for ProvisionedGuest<'_> {
    async fn offered(&self, packages: Vec<String>, renewed: bool) -> Result<Vec<Offered>, ImageError> {
        let FirstBoot { image, events, cancel, .. } = *self.first;
        let stage = if renewed { Stage::Whole } else { Stage::Install };
        let running = events.phase(Part::Golden, "resolve", format!("{} packages of {}", packages.len(), image.name));
        let wish = self.first.wish(packages, None, stage)?;
        let mut shown = running.last_line();
        let asking = self.machine.session().resolve(wish, cancel, |_, bytes| shown.hear(bytes));
        let offered = self.machine.ask(asking).await?;
        running.finish(format!("{} packages", offered.len()));
        Ok(offered)
    }

    async fn release(&self) -> Result<String, ImageError> {
        let words = ["grep", "-rh", "--include=*Release", "^Date: ", "/var/lib/apt/lists"];
        let (_, dates) = run(self.machine, &words, self.first.cancel).await?;
        Ok(lock::newest_date(&dates))
    }
}

async fn provision(
    machine: &Machine,
    provision: Provision,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Vec<Package>, ImageError> {
    let phase = if provision.stage == Stage::Download { "packages" } else { "provision" };
    let running = events.phase(Part::Golden, phase, format!("{} packages", provision.packages.len()));
    let mut shown = running.last_line();
    let installing = machine.session().provision(provision, cancel, |_, bytes| shown.hear(bytes));
    let installed = machine.ask(installing).await?;
    running.finish(format!("{} packages installed", installed.len()));
    Ok(installed)
}
