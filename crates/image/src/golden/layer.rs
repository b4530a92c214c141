//! The build role's layer: the files that toolchain and development packages add to the clean tree.
//!
//! The agent installs them in a sandbox over the clean tree, as it works in every later machine. The sandbox's upper
//! layer is kept; a build then sees layer over tree.

use super::folder::{GoldenFolder, UNFINISHED};
use super::{EPOCH, GoldenRole, normalize};
use crate::{Image, ImageError, host_tool};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_machine::{Lifetime, Machine, MachineError, MachineName, MachineSpec, Network, RootTree, StartSource};
use vmbuild_packages::{PackageCache, PackageLists, PackageLock, repository};
use vmbuild_protocol::{Package, Provision, Stage};

/// Files that do not belong to an installation: run-time state, caches, logs, and the sandbox's files in `etc`.
/// Removing one from the layer uncovers the clean tree's own.
pub(crate) const TRANSIENT: [&str; 12] = [
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

/// More such files that a golden machine does not keep.
const GOLDEN_TRANSIENT: [&str; 6] = [
    "etc/machine-id",
    "var/cache/vmbuild",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/cache/ldconfig",
    "var/lib/dpkg/status-old",
];

/// Builds the build role's layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerBuilder<'a> {
    pub(crate) store: &'a Store,
    pub(crate) image: &'a Image,
    pub(crate) folder: &'a GoldenFolder,
    /// The packages to install, all of them cached; `None` to install from the image's own archives.
    pub(crate) lock: Option<&'a PackageLock>,
    pub(crate) agent: &'a Path,
    pub(crate) events: &'a Events,
    pub(crate) cancel: &'a CancellationToken,
}

impl LayerBuilder<'_> {
    /// Builds `build-layer/` in a sealed golden machine. The caller holds the lock, and seals the layer.
    pub(crate) async fn build(&self) -> Result<Vec<Package>, ImageError> {
        let Self { folder, cancel, .. } = *self;
        let name = format!("{UNFINISHED}build-layer");
        let installed = match self.lock {
            Some(lock) => self.install_locked(lock, &name).await?,
            None => self.install_current(&name).await?,
        };
        let layer = folder.path().join(&name);
        let exists = |name: &&str| layer.join(name).symlink_metadata().is_ok();
        let names: Vec<&str> = TRANSIENT.into_iter().chain(GOLDEN_TRANSIENT).filter(exists).collect();
        if !names.is_empty() {
            host_tool::remove_trees(&layer, &names, cancel).await?;
        }
        normalize::normalize_tree(folder.path(), &name, cancel).await?;
        if folder.layer().exists() {
            // Unsealed: a vmbuild was killed between this rename and the seal.
            host_tool::remove_trees(folder.path(), &["build-layer"], cancel).await?;
        }
        fs_err::rename(layer, folder.layer())?;
        Ok(installed)
    }

    /// Installs exactly the lock's packages, without the network.
    async fn install_locked(&self, lock: &PackageLock, name: &str) -> Result<Vec<Package>, ImageError> {
        let Self { store, image, folder, cancel, .. } = *self;
        // The packages are a layer of their own during the installation: the machine sees them and keeps none.
        let packages = folder.path().join(format!("{UNFINISHED}packages"));
        let repository = packages.join(repository::FOLDER);
        let wanted: Vec<_> = lock.build.iter().collect();
        repository::create(&repository, &wanted, &PackageCache::of(store)?, cancel).await?;
        let line = repository::sources_line("file", &Path::new("/").join(repository::FOLDER))?;
        fs_err::write(repository.join(repository::SOURCES), format!("{line}\n"))?;
        let sources = format!("/{}/{}", repository::FOLDER, repository::SOURCES);
        let layers = std::iter::once(packages).chain(folder.layers(GoldenRole::Clean)).collect();
        let provision = provision_request(&image.lists()?, Some(sources))?;
        let installed = self.provision(provision, self.spec(layers, Network::None), name).await?;
        host_tool::remove_trees(folder.path(), &[&format!("{UNFINISHED}packages")], cancel).await?;
        Ok(installed)
    }

    /// Installs the current packages of the image's own archives.
    async fn install_current(&self, name: &str) -> Result<Vec<Package>, ImageError> {
        let spec = self.spec(self.folder.layers(GoldenRole::Clean), Network::Outgoing);
        let request = provision_request(&self.image.lists()?, None)?;
        let request = Provision { snapshot: self.image.snapshot(), ..request };
        self.provision(request, spec, name).await
    }

    /// Installs packages in a sandbox over the clean tree, and keeps its upper layer as `name`.
    async fn provision(&self, provision: Provision, spec: MachineSpec, name: &str) -> Result<Vec<Package>, ImageError> {
        let Self { store, folder, events, cancel, .. } = *self;
        let running = events.phase(Part::Golden, "provision", format!("{} packages", provision.packages.len()));
        let machine = Machine::start(spec, store, events, cancel).await?;
        let mut shown = running.last_line();
        let installing = machine.session().provision(provision, cancel, |_, bytes| shown.hear(bytes));
        let installed = machine.ask(installing).await;
        let kept = machine.stop_keeping().await?;
        if installed.is_ok() {
            fs_err::rename(kept.folder.file("upper"), folder.path().join(name))?;
        }
        // Also after a cancellation: nothing else uses the folder.
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
            start: StartSource::Sandbox { root: RootTree { layers } },
        }
    }
}

/// The request to the agent: the listed packages, from `sources` alone or from the guest's own archives.
fn provision_request(lists: &PackageLists, sources: Option<String>) -> Result<Provision, ImageError> {
    Ok(Provision {
        manager: lists.manager,
        packages: lists.build(),
        sources,
        snapshot: None,
        stage: Stage::Whole,
        epoch: Some(EPOCH.parse().map_err(std::io::Error::other)?),
    })
}
