//! Installation of the runtime packages in a publisher's image.
//!
//! The image's own package manager knows its archives and their keys, so it resolves the lists of both roles before
//! anything is installed. The result is compared with the lock; then the clean role's packages are installed and the
//! build role's are downloaded, and both come into the cache with the tree. A lock whose packages are all in the cache
//! needs no archive: they are sent in.

use super::FirstBootError;
use super::guest::run;
use super::run::FirstBoot;
use crate::ImageError;
use crate::golden::EPOCH;
use crate::lock::{GuestArchives, GuestLockRequest, GuestPackages, newest_date, resolve_in_guest};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::format::size;
use vmbuild_guest::{CopyDepth, GuestTree, send};
use vmbuild_machine::Machine;
use vmbuild_packages::{PackageCache, PackageLock, repository};
use vmbuild_protocol::{Offered, Package, Provision, Stage};

/// The package manager's folder of downloaded packages, under the root.
const DOWNLOADED: &str = "var/cache/apt/archives";

/// The packages of a clean machine after its first boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProvisionedDisk {
    /// All installed packages.
    pub(crate) installed: Vec<Package>,
    /// The packages that were added, and those for the build role.
    pub(crate) lock: PackageLock,
    /// Their archive, for people.
    pub(crate) archive: String,
}

/// Installs the image's runtime packages.
pub(super) async fn install(machine: &Machine, first: &FirstBoot<'_>) -> Result<ProvisionedDisk, ImageError> {
    ProvisionedGuest { machine, first }.install().await
}

/// Moves the packages that the tree's package manager downloaded into the cache.
pub(super) async fn cache_packages(tree: &Path, lock: &PackageLock, first: &FirstBoot<'_>) -> Result<(), ImageError> {
    let cache = PackageCache::of(first.store)?;
    Ok(cache.adopt_downloads(&tree.join(DOWNLOADED), lock, first.events, first.cancel).await?)
}

impl FirstBoot<'_> {
    fn provision(&self, packages: Vec<String>, sources: Option<String>, stage: Stage) -> Result<Provision, ImageError> {
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
    async fn install(&self) -> Result<ProvisionedDisk, ImageError> {
        let FirstBoot { store, image, mode, events, cancel, .. } = *self.first;
        let request = GuestLockRequest { store, image, mode, events, cancel };
        match resolve_in_guest(&request, self).await? {
            GuestPackages::Cached(lock) => self.install_from_cache(lock).await,
            GuestPackages::Archives(lock) => self.install_from_archives(lock).await,
        }
    }

    async fn install_from_archives(&self, lock: PackageLock) -> Result<ProvisionedDisk, ImageError> {
        let FirstBoot { image, events, cancel, .. } = *self.first;
        let lists = image.lists()?;
        let build = self.first.provision(lists.all(), None, Stage::Download)?;
        let clean = self.first.provision(lists.runtime, None, Stage::Install)?;
        let installed = provision(self.machine, clean, events, cancel).await?;
        provision(self.machine, build, events, cancel).await?;
        Ok(ProvisionedDisk { installed, archive: archive_text(&lock), lock })
    }

    /// Sends the clean role's packages in, as a folder that apt uses as an archive.
    async fn install_from_cache(&self, lock: PackageLock) -> Result<ProvisionedDisk, ImageError> {
        let FirstBoot { store, image, events, cancel, .. } = *self.first;
        let (folder, inside) = (tempfile::tempdir_in(store.cache())?, Path::new("/").join(repository::FOLDER));
        let inside = inside.to_string_lossy().into_owned();
        let wanted: Vec<_> = lock.clean.iter().collect();
        repository::create(folder.path(), &wanted, &PackageCache::of(store)?, cancel).await?;
        let line = repository::sources_line("file", Path::new(&inside))?;
        fs_err::write(folder.path().join(repository::SOURCES), format!("{line}\n"))?;
        let running = events.phase(Part::Golden, "send packages", format!("{} packages", wanted.len()));
        let target = GuestTree { path: &inside, depth: CopyDepth::Tree };
        let sending = send(self.machine.session(), folder.path(), target, &running, cancel);
        let sent = sending.await.map_err(FirstBootError::from)?;
        running.finish(size(sent.bytes));
        let sources = format!("{inside}/{}", repository::SOURCES);
        let request = self.first.provision(image.lists()?.runtime, Some(sources), Stage::Whole)?;
        let installed = provision(self.machine, request, events, cancel).await?;
        run(self.machine, &["rm", "-r", &inside], cancel).await?;
        Ok(ProvisionedDisk { installed, lock, archive: "the package cache".to_owned() })
    }
}

fn archive_text(lock: &PackageLock) -> String {
    match lock.release.as_str() {
        "" => "the image's own archives".to_owned(),
        release => format!("the image's own archives of {release}"),
    }
}

impl GuestArchives for ProvisionedGuest<'_> {
    async fn resolve(&self, packages: Vec<String>, refresh: bool) -> Result<Vec<Offered>, ImageError> {
        let FirstBoot { image, events, cancel, .. } = *self.first;
        let stage = if refresh { Stage::Whole } else { Stage::Install };
        let running = events.phase(Part::Golden, "resolve", format!("{} packages of {}", packages.len(), image.name));
        let request = self.first.provision(packages, None, stage)?;
        let mut shown = running.last_line();
        let asking = self.machine.session().resolve(request, cancel, |_, bytes| shown.hear(bytes));
        let offered = self.machine.ask(asking).await?;
        running.finish(format!("{} packages", offered.len()));
        Ok(offered)
    }

    async fn release(&self) -> Result<String, ImageError> {
        let argv = ["grep", "-rh", "--include=*Release", "^Date: ", "/var/lib/apt/lists"];
        let (_, dates) = run(self.machine, &argv, self.first.cancel).await?;
        Ok(newest_date(&dates))
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
