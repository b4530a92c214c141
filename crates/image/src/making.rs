//! Making golden machines: a bootstrap or a first boot, the build layer, the seals.

use super::first_boot::{self, BaseDisk, FirmwareUse, FirstBoot, Provisioned};
use super::folder::{GoldenFolder, Seal};
use super::golden::Role;
use super::host_tool::sync;
use super::lock::{self, Locking, PackageCache, PackageLock, PackageWish};
use super::recipe::GoldenRecipe;
use super::{Image, ImageError, ImageSource, bootstrap, cloud_fetch, digest, kernel, layer, packages, record, usage};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Store, sync_folder};
use vmbuild_protocol::Package;

/// A golden machine that is there, and kept from being deleted.
pub(super) struct HeldGolden {
    pub(super) folder: GoldenFolder,
    pub(super) seal: Seal,
    pub(super) using: usage::Use,
}

/// What a clean tree was filled with.
struct Filled {
    /// Where its packages came from, for people.
    archive: String,
    /// What exactly they were, or were added to a publisher's own.
    lock: PackageLock,
    /// What is installed.
    installed: Vec<Package>,
}

/// What it takes to make a golden machine.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) store: &'a Store,
    pub(super) image: &'a Image,
    pub(super) recipe: GoldenRecipe,
    /// What the image's lock is to it.
    pub(super) locking: Locking,
    pub(super) agent: &'a Path,
    pub(super) events: &'a Events,
    pub(super) cancel: &'a CancellationToken,
}

impl Maker<'_> {
    pub(super) async fn find_or_make(&self, role: Role) -> Result<HeldGolden, ImageError> {
        let folder = GoldenFolder::new(self.store, &self.image.name, self.recipe.key());
        let using = usage::hold(&folder).await?;
        let seal = match folder.seal(role)? {
            Some(seal) => seal,
            None => self.make(&folder, role).await?,
        };
        Ok(HeldGolden { folder, seal, using })
    }

    /// Makes what is missing, alone.
    async fn make(&self, folder: &GoldenFolder, role: Role) -> Result<Seal, ImageError> {
        let _lock = folder.lock(self.events, self.cancel).await?;
        // Another vmbuild may have made it meanwhile: ask again.
        let clean = match folder.seal(Role::Clean)? {
            Some(seal) => seal,
            None => self.make_clean(folder).await?,
        };
        match (role, folder.seal(Role::Build)?) {
            (Role::Clean, _) => Ok(clean),
            (Role::Build, Some(seal)) => Ok(seal),
            (Role::Build, None) => self.make_layer(folder, clean.archive).await,
        }
    }

    /// The clean tree and the kernel, under an unfinished name until both are whole.
    async fn make_clean(&self, folder: &GoldenFolder) -> Result<Seal, ImageError> {
        let unfinished = folder.unfinished();
        fs_err::create_dir(unfinished.path())?;
        let filled = self.fill(&unfinished).await?;
        let seal = self.seal(&unfinished, Role::Clean, filled).await?;
        if folder.path().exists() {
            // Without a seal nobody can have used it.
            super::host_tool::remove(folder.parent(), &[self.recipe.key()], self.cancel).await?;
        }
        fs_err::rename(unfinished.path(), folder.path())?;
        sync_folder(folder.parent())?;
        Ok(seal)
    }

    /// Makes tree and kernel.
    async fn fill(&self, unfinished: &GoldenFolder) -> Result<Filled, ImageError> {
        let Self { store, image, locking, events, cancel, .. } = *self;
        match &image.source {
            ImageSource::Bootstrap { .. } => {
                let wish = PackageWish { store, image, locking, archive: None, events, cancel };
                Box::pin(self.fill_from_archive(unfinished, &wish)).await
            }
            ImageSource::CloudImage(cloud) => Box::pin(self.fill_from_disk(unfinished, cloud.boot)).await,
        }
    }

    async fn fill_from_archive(&self, unfinished: &GoldenFolder, wish: &PackageWish<'_>) -> Result<Filled, ImageError> {
        let Self { store, image, events, cancel, .. } = *self;
        let made = lock::obtain(wish).await?;
        let cache = PackageCache::of(store)?;
        bootstrap::bootstrap(image, &made.lock, &cache, unfinished.path(), events, cancel).await?;
        let package = made.lock.kernel.first().ok_or_else(|| ImageError::NoKernel { image: image.name.clone() })?;
        let order = kernel::extract(&cache.path(package), &image.kernel.modules, &unfinished.kernel(), cancel).await?;
        self.kernel_is_there(unfinished, &order)?;
        vmbuild_core::store::write_atomically(&unfinished.package_lock(), made.lock.to_text().as_bytes())?;
        let installed = packages::installed_in(&unfinished.clean())?;
        Ok(Filled { archive: made.archive, lock: made.lock, installed })
    }

    async fn fill_from_disk(&self, unfinished: &GoldenFolder, firmware: FirmwareUse) -> Result<Filled, ImageError> {
        let Self { store, image, agent, locking, events, cancel, .. } = *self;
        if locking == Locking::Locked && lock::find(store, image)?.is_none() {
            return Err(ImageError::NoLock { image: image.name.clone(), arch: std::env::consts::ARCH });
        }
        let fetched = Box::pin(cloud_fetch(image, store, events, cancel)).await?;
        let (what, disk) = (fetched.release.clone(), BaseDisk { path: fetched.path, sha256: fetched.sha256 });
        let about = format!("{what}, sha256 {}", disk.sha256);
        let first = FirstBoot { store, image, disk: &disk, agent, locking, firmware, events, cancel };
        let provisioned = Box::pin(first_boot::make(first, unfinished.path())).await?;
        let order = kernel::of_tree(&unfinished.clean(), &image.kernel.modules, &unfinished.kernel(), cancel).await?;
        self.kernel_is_there(unfinished, &order)?;
        let Provisioned { installed, lock, archive } = provisioned;
        vmbuild_core::store::write_atomically(&unfinished.package_lock(), lock.to_text().as_bytes())?;
        Ok(Filled { archive: format!("{about}, and {archive}"), lock, installed })
    }

    fn kernel_is_there(&self, unfinished: &GoldenFolder, order: &[String]) -> Result<(), ImageError> {
        self.events.note(Part::Golden, format!("kernel modules: {}", order.join(", ")));
        Ok(record::kernel(&unfinished.kernel())?)
    }

    /// The build role's layer.
    async fn make_layer(&self, folder: &GoldenFolder, archive: String) -> Result<Seal, ImageError> {
        let Maker { store, image, agent, events, cancel, .. } = *self;
        // The clean tree's own lock: an archive that has moved on since must not be mixed in.
        let lock = folder.read_package_lock()?;
        let packages = lock::complete(store, image, &lock, events, cancel).await?.then_some(&lock);
        let making = layer::Making { store, image, folder, lock: packages, agent, events, cancel };
        let installed = layer::make(making).await?;
        self.seal(folder, Role::Build, Filled { archive, lock, installed }).await
    }

    /// Lists what is installed and every file, and seals it.
    async fn seal(&self, folder: &GoldenFolder, role: Role, filled: Filled) -> Result<Seal, ImageError> {
        let Filled { archive, lock, installed } = filled;
        let mut changes = packages::differences(&lock.of(role), &installed);
        if matches!(self.image.source, ImageSource::CloudImage(_)) {
            // What the publisher's image had already, the lock does not name.
            changes.retain(|change| change.old.is_some());
        }
        if !changes.is_empty() {
            return Err(ImageError::Installed { changes });
        }
        vmbuild_core::store::write_atomically(&folder.packages(role), packages::list(&installed).as_bytes())?;
        let seal = Seal::new(&self.image.name, self.recipe.made(role, &installed), archive);
        let seal = seal.with_root_digest(digest::role_digest(folder, role, self.cancel).await?);
        sync(folder.path(), self.cancel).await?;
        folder.write_seal(role, &seal)?;
        Ok(seal)
    }
}
