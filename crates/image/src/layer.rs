//! The build role's layer: what the toolchain and the development packages add to the clean tree.
//!
//! The agent installs them in a sandbox over the clean tree, the way it will work in every later machine. What
//! the sandbox wrote is kept; a build then sees layer over tree.

use super::bootstrap::EPOCH;
use super::folder::{GoldenFolder, UNFINISHED};
use super::lock::{self, PackageCache, PackageLock};
use super::{Image, ImageError, PackageLists, Role, host_tool, settle};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_machine::{Lifetime, Machine, MachineError, MachineName, MachineSpec, Network, RootTree, Start};
use vmbuild_protocol::{Package, Provision, Stage};

/// What is no part of an installation: run-time state, caches, logs, and what the sandbox put into `etc`.
/// Removing a name from the layer lets the clean tree's own show again.
pub(super) const TRACES: [&str; 12] = [
    "dev",
    "proc",
    "run",
    "sys",
    "tmp",
    "root",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
];

/// What a golden machine has none of beside those.
const OWN_TRACES: [&str; 6] = [
    "etc/machine-id",
    "var/cache/vmbuild",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/cache/ldconfig",
    "var/lib/dpkg/status-old",
];

/// What a layer is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) store: &'a Store,
    pub(super) image: &'a Image,
    pub(super) folder: &'a GoldenFolder,
    /// The packages to install, which are all in the cache; none to ask the image's own archives.
    pub(super) lock: Option<&'a PackageLock>,
    pub(super) agent: &'a Path,
    pub(super) events: &'a Events,
    pub(super) cancel: &'a CancellationToken,
}

/// Makes `build-layer/` in a sealed golden machine. The caller holds the lock, and seals the layer.
pub(super) async fn make(making: Making<'_>) -> Result<Vec<Package>, ImageError> {
    let Making { folder, cancel, .. } = making;
    let name = format!("{UNFINISHED}build-layer");
    let installed = match making.lock {
        Some(lock) => making.install_locked(lock, &name).await?,
        None => making.install_current(&name).await?,
    };
    let layer = folder.path().join(&name);
    let names: Vec<&str> =
        TRACES.into_iter().chain(OWN_TRACES).filter(|name| layer.join(name).symlink_metadata().is_ok()).collect();
    if !names.is_empty() {
        host_tool::remove(&layer, &names, cancel).await?;
    }
    settle::settle(folder.path(), &name, cancel).await?;
    if folder.layer().exists() {
        // Without a seal it is what a killed vmbuild left between this rename and the seal.
        host_tool::remove(folder.path(), &["build-layer"], cancel).await?;
    }
    fs_err::rename(layer, folder.layer())?;
    Ok(installed)
}

impl Making<'_> {
    /// Installs exactly the lock's packages, without a network.
    async fn install_locked(&self, lock: &PackageLock, name: &str) -> Result<Vec<Package>, ImageError> {
        let Making { store, image, folder, cancel, .. } = *self;
        // The packages are a layer of their own while they are installed: the machine sees them, and keeps none.
        let packages = folder.path().join(format!("{UNFINISHED}packages"));
        let repository = packages.join(lock::FOLDER);
        let wanted: Vec<_> = lock.build.iter().collect();
        lock::make_repository(&repository, &wanted, &PackageCache::of(store)?, cancel).await?;
        let line = lock::sources_line("file", &Path::new("/").join(lock::FOLDER))?;
        fs_err::write(repository.join(lock::SOURCES), format!("{line}\n"))?;
        let sources = format!("/{}/{}", lock::FOLDER, lock::SOURCES);
        let layers = std::iter::once(packages).chain(folder.layers(Role::Clean)).collect();
        let provision = wish(image.lists()?, Some(sources))?;
        let installed = self.provision(provision, self.spec(layers, Network::None), name).await?;
        host_tool::remove(folder.path(), &[&format!("{UNFINISHED}packages")], cancel).await?;
        Ok(installed)
    }

    /// Installs what the image's own archives offer.
    async fn install_current(&self, name: &str) -> Result<Vec<Package>, ImageError> {
        let spec = self.spec(self.folder.layers(Role::Clean), Network::Outgoing);
        let wish = Provision { snapshot: self.image.snapshot(), ..wish(self.image.lists()?, None)? };
        self.provision(wish, spec, name).await
    }

    /// Installs packages in a sandbox over the clean tree, and keeps what was written as `name`.
    async fn provision(&self, provision: Provision, spec: MachineSpec, name: &str) -> Result<Vec<Package>, ImageError> {
        let Making { store, folder, events, cancel, .. } = *self;
        let running = events.phase(Part::Golden, "provision", format!("{} packages", provision.packages.len()));
        let machine = Machine::start(spec, store, events, cancel).await?;
        let mut shown = running.last_line();
        let installing = machine.session().provision(provision, cancel, |_, bytes| shown.hear(bytes));
        let installed = machine.ask(installing).await;
        let kept = machine.stop_keeping().await?;
        if installed.is_ok() {
            fs_err::rename(kept.folder.file("upper"), folder.path().join(name))?;
        }
        // Also after a cancellation: the folder is of no use to anybody else.
        kept.folder.remove(&CancellationToken::new()).await.map_err(MachineError::from)?;
        let installed = installed?;
        running.finish(format!("{} packages installed", installed.len()));
        Ok(installed)
    }

    fn spec(&self, layers: Vec<PathBuf>, network: Network) -> MachineSpec {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        MachineSpec {
            name: MachineName::for_job(),
            image: self.image.name.clone(),
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            memory_mib: 2048,
            network,
            lifetime: Lifetime::Job,
            agent: self.agent.to_owned(),
            start: Start::Sandbox { root: RootTree { layers } },
        }
    }
}

/// What the agent is asked for: the listed packages, from `sources` alone or from the guest's own archives.
fn wish(lists: PackageLists, sources: Option<String>) -> Result<Provision, ImageError> {
    Ok(Provision {
        manager: lists.manager,
        packages: lists.toolchain.into_iter().chain(lists.cpython).collect(),
        sources,
        snapshot: None,
        stage: Stage::Whole,
        epoch: Some(EPOCH.parse().map_err(std::io::Error::other)?),
    })
}
