//! Building golden machines: a bootstrap or a first boot, the build layer, the seals.

use super::folder::{GoldenFolder, GoldenSeal};
use super::layer::LayerBuilder;
use super::recipe::GoldenRecipe;
use super::use_lock::{UseLock, acquire_use};
use super::{GoldenRole, bootstrap, checksums, digest};
use crate::cloud::fetch;
use crate::first_boot::{self, BaseDisk, FirmwareUse, FirstBoot, ProvisionedDisk};
use crate::host_tool::sync_file_system;
use crate::lock::{self, LockError, LockMode, PackageRequest};
use crate::{Image, ImageError, ImageSource, kernel};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Store, sync_folder, write_atomically};
use vmbuild_packages::{PackageCache, PackageLock, differences_from_installed, format_packages, installed_packages};
use vmbuild_protocol::Package;

/// A sealed golden machine, protected from deletion.
pub(crate) struct GoldenHandle {
    pub(crate) folder: GoldenFolder,
    pub(crate) seal: GoldenSeal,
    pub(crate) using: UseLock,
}

/// The packages of a tree that was just installed.
struct InstalledTree {
    /// Their archive, for people.
    archive: String,
    /// The lock they were installed by; of a cloud image, of what was added.
    lock: PackageLock,
    /// All installed packages.
    installed: Vec<Package>,
}

/// Builds one image's golden machines.
#[derive(Debug)]
pub(crate) struct GoldenBuilder<'a> {
    pub(crate) store: &'a Store,
    pub(crate) image: &'a Image,
    pub(crate) recipe: GoldenRecipe,
    /// How the image's lock is used.
    pub(crate) mode: LockMode,
    pub(crate) agent: &'a Path,
    pub(crate) events: &'a Events,
    pub(crate) cancel: &'a CancellationToken,
}

impl GoldenBuilder<'_> {
    pub(crate) async fn find_or_build(&self, role: GoldenRole) -> Result<GoldenHandle, ImageError> {
        let folder = GoldenFolder::new(self.store, &self.image.name, self.recipe.key());
        let using = acquire_use(&folder).await?;
        let seal = match folder.seal(role)? {
            Some(seal) => seal,
            None => self.build(&folder, role).await?,
        };
        Ok(GoldenHandle { folder, seal, using })
    }

    /// Builds missing roles, under the image's lock.
    async fn build(&self, folder: &GoldenFolder, role: GoldenRole) -> Result<GoldenSeal, ImageError> {
        let _lock = folder.lock(self.events, self.cancel).await?;
        // Another vmbuild may have built it meanwhile.
        let clean = match folder.seal(GoldenRole::Clean)? {
            Some(seal) => seal,
            None => self.build_clean(folder).await?,
        };
        match (role, folder.seal(GoldenRole::Build)?) {
            (GoldenRole::Clean, _) => Ok(clean),
            (GoldenRole::Build, Some(seal)) => Ok(seal),
            (GoldenRole::Build, None) => self.build_layer(folder, clean.archive).await,
        }
    }

    /// Builds the clean tree and the kernel, under an unfinished name until both are complete.
    async fn build_clean(&self, folder: &GoldenFolder) -> Result<GoldenSeal, ImageError> {
        let unfinished = folder.unfinished();
        fs_err::create_dir(unfinished.path())?;
        let installed = self.install(&unfinished).await?;
        let seal = self.seal(&unfinished, GoldenRole::Clean, installed).await?;
        if folder.path().exists() {
            // Without a seal nobody can have used it.
            crate::host_tool::remove_trees(folder.parent(), &[self.recipe.key()], self.cancel).await?;
        }
        fs_err::rename(unfinished.path(), folder.path())?;
        sync_folder(folder.parent())?;
        Ok(seal)
    }

    /// Installs tree and kernel.
    async fn install(&self, unfinished: &GoldenFolder) -> Result<InstalledTree, ImageError> {
        let Self { store, image, mode, events, cancel, .. } = *self;
        match &image.source {
            ImageSource::Bootstrap { .. } => {
                let request = PackageRequest { store, image, mode, archive: None, events, cancel };
                Box::pin(self.install_from_archive(unfinished, &request)).await
            }
            ImageSource::CloudImage(cloud) => Box::pin(self.install_from_disk(unfinished, cloud.boot)).await,
        }
    }

    async fn install_from_archive(
        &self,
        unfinished: &GoldenFolder,
        request: &PackageRequest<'_>,
    ) -> Result<InstalledTree, ImageError> {
        let Self { store, image, events, cancel, .. } = *self;
        let fetched = lock::resolve_and_fetch(request).await?;
        let cache = PackageCache::of(store)?;
        bootstrap::bootstrap(image, &fetched.lock, &cache, unfinished.path(), events, cancel).await?;
        let package = fetched.lock.kernel.first().ok_or_else(|| LockError::NoKernel { image: image.name.clone() })?;
        let order =
            kernel::extract_package(&cache.path(package), &image.kernel.modules, &unfinished.kernel(), cancel).await?;
        self.record_kernel(unfinished, &order)?;
        write_atomically(&unfinished.package_lock(), fetched.lock.to_text().as_bytes())?;
        let installed = installed_packages(&unfinished.clean())?;
        Ok(InstalledTree { archive: fetched.archive, lock: fetched.lock, installed })
    }

    async fn install_from_disk(
        &self,
        unfinished: &GoldenFolder,
        firmware: FirmwareUse,
    ) -> Result<InstalledTree, ImageError> {
        let Self { store, image, agent, mode, events, cancel, .. } = *self;
        if mode == LockMode::Locked && lock::find_lock(store, image)?.is_none() {
            return Err(LockError::NoLock { image: image.name.clone(), arch: std::env::consts::ARCH }.into());
        }
        let fetched = Box::pin(fetch(image, store, events, cancel)).await?;
        let about = format!("{}, sha256 {}", fetched.release, fetched.sha256);
        let disk = BaseDisk { path: fetched.path, sha256: fetched.sha256 };
        let first = FirstBoot { store, image, disk: &disk, agent, mode, firmware, events, cancel };
        let provisioned = Box::pin(first_boot::run_first_boot(first, unfinished.path())).await?;
        let order =
            kernel::collect_from_tree(&unfinished.clean(), &image.kernel.modules, &unfinished.kernel(), cancel).await?;
        self.record_kernel(unfinished, &order)?;
        let ProvisionedDisk { installed, lock, archive } = provisioned;
        write_atomically(&unfinished.package_lock(), lock.to_text().as_bytes())?;
        Ok(InstalledTree { archive: format!("{about}, and {archive}"), lock, installed })
    }

    fn record_kernel(&self, unfinished: &GoldenFolder, order: &[String]) -> Result<(), ImageError> {
        self.events.note(Part::Golden, format!("kernel modules: {}", order.join(", ")));
        Ok(checksums::record_kernel(&unfinished.kernel())?)
    }

    /// Builds the build role's layer.
    async fn build_layer(&self, folder: &GoldenFolder, archive: String) -> Result<GoldenSeal, ImageError> {
        let Self { store, image, agent, events, cancel, .. } = *self;
        // The clean tree's own lock: an archive that has moved on since must not be mixed in.
        let lock = folder.read_package_lock()?;
        let request = PackageRequest { store, image, mode: LockMode::Locked, archive: None, events, cancel };
        let cached = lock::ensure_cached(&request, &lock).await?.then_some(&lock);
        let builder = LayerBuilder { store, image, folder, lock: cached, agent, events, cancel };
        let installed = builder.build().await?;
        self.seal(folder, GoldenRole::Build, InstalledTree { archive, lock, installed }).await
    }

    /// Lists the installed packages and every file, and seals the role.
    async fn seal(
        &self,
        folder: &GoldenFolder,
        role: GoldenRole,
        tree: InstalledTree,
    ) -> Result<GoldenSeal, ImageError> {
        let InstalledTree { archive, lock, installed } = tree;
        let mut changes = differences_from_installed(&role.packages_in(&lock), &installed);
        if matches!(self.image.source, ImageSource::CloudImage(_)) {
            // The lock does not name the publisher's own packages.
            changes.retain(|change| change.old.is_some());
        }
        if !changes.is_empty() {
            return Err(LockError::Installed { changes }.into());
        }
        write_atomically(&folder.packages(role), format_packages(&installed).as_bytes())?;
        let seal = GoldenSeal::new(&self.image.name, self.recipe.identity(role, &installed), archive);
        let seal = seal.with_root_digest(digest::role_digest(folder, role, self.cancel).await?);
        sync_file_system(folder.path(), self.cancel).await?;
        folder.write_seal(role, &seal)?;
        Ok(seal)
    }
}
