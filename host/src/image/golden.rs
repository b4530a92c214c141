//! A golden machine: one bootstrap, provisioned once, sealed, seen as a tree or as a disk.

use super::first_boot::{self, BaseDisk, Firmware, FirstBoot};
use super::folder::{Folder, Seal};
use super::host_tool::sync;
use super::lock::{self, Locking, PackageCache, PackageLock, Wish};
use super::recipe::Recipe;
use super::{
    Image, ImageError, Source, archive_address, bootstrap, cloud_fetch, digest, disk, initramfs, kernel, layer,
    packages, record, usage,
};
use crate::event::{Events, Part};
use crate::machine::{RootDisk, RootTree};
use crate::store::{Store, sync_folder};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// What a golden machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Compiling: toolchain and development packages.
    Build,
    /// Validating: what a user's machine has, no compiler, no development package.
    Clean,
}

impl Role {
    /// The word for it in file names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Clean => "clean",
        }
    }
}

/// A sealed golden machine.
#[derive(Debug, Clone)]
pub struct Golden {
    image: Image,
    role: Role,
    folder: Folder,
    digest: String,
    /// Held so that nobody deletes it.
    _using: usage::Use,
}

impl Golden {
    /// The golden machine of `image` for `role`: from the store, or made now (bootstrap, provision, seal).
    pub async fn prepare(
        store: &Store,
        image: &str,
        role: Role,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        Self::prepare_as(store, image, (role, Locking::Compare), agent, events, cancel).await
    }

    /// The same, saying what the image's lock file is to it.
    pub async fn prepare_as(
        store: &Store,
        image: &str,
        (role, locking): (Role, Locking),
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        let image = Image::load(image, store)?;
        let kept = match locking {
            Locking::Compare => None,
            Locking::Locked => lock::text_of(store, &image)?,
        };
        let recipe = Recipe::of(&image, kept.as_deref());
        let origin = Origin::Described(locking);
        let maker = Maker { store, recipe, origin, image: &image, agent, events, cancel };
        let made = maker.find_or_make(role).await?;
        Ok(Self { image, role, folder: made.folder, digest: made.seal.digest, _using: made.using })
    }

    /// The golden machine of `image` for `role`, from a publisher's disk: from the store, or made now (first boot,
    /// provision, seal).
    pub async fn prepare_from_disk(
        store: &Store,
        image: Image,
        (disk, firmware): (&BaseDisk, Firmware),
        role: Role,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        let recipe = Recipe::of_disk(&image, disk);
        let origin = Origin::Disk { disk, firmware };
        let maker = Maker { store, recipe, origin, image: &image, agent, events, cancel };
        let made = maker.find_or_make(role).await?;
        Ok(Self { image, role, folder: made.folder, digest: made.seal.digest, _using: made.using })
    }

    /// The image's name, such as `debian-12`.
    pub fn image(&self) -> &str {
        &self.image.name
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where it lies in the store.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The word for the image in artifact names, such as `debian12`.
    pub fn artifact_word(&self) -> &str {
        &self.image.artifact_word
    }

    /// SHA-256 (hex) over what the golden machine was made of and what was installed: its identity.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The lock file of what it was made of.
    pub fn package_lock(&self) -> Result<PackageLock, ImageError> {
        read_lock(&self.folder)
    }

    /// The file that lists what is installed, one `name=version arch` a line, sorted.
    pub fn packages(&self) -> PathBuf {
        self.folder.packages(self.role)
    }

    /// The line that names the archive this host would make it from, for the guest's package manager; none where no
    /// archive is known.
    pub async fn sources(&self, cancel: &CancellationToken) -> Option<String> {
        let archive = archive_address::archive(&self.image, cancel).await.ok()?;
        Some(format!("deb {} {} {}\n", archive.address, archive.suite, archive.components.join(" ")))
    }

    /// SHA-256 (hex) of the list of its files, and the list: what `tree_digest` gives.
    pub fn root_digest(&self) -> Result<Option<(String, PathBuf)>, ImageError> {
        let digest = self.folder.seal(self.role)?.and_then(|seal| seal.root_digest);
        Ok(digest.map(|digest| (digest, self.folder.list(self.role))))
    }

    /// Its view as a tree.
    pub fn tree(&self) -> RootTree {
        RootTree { layers: self.folder.layers(self.role) }
    }

    /// Its view as a disk with kernel and initramfs, made when first asked for.
    pub async fn disk(
        &self,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<RootDisk, ImageError> {
        let _lock = self.folder.lock(events, cancel).await?;
        disk::ensure(&self.folder, self.role, &self.digest, events, cancel).await?;
        record::ensure(&self.folder.disk(self.role)).await?;
        let kernel = self.folder.kernel();
        let initramfs = initramfs::ensure(self.folder.path(), &kernel.join("modules"), agent).await?;
        let (disk, digest) = (self.folder.disk(self.role), self.digest.clone());
        Ok(RootDisk { disk, kernel: kernel.join("vmlinuz"), initramfs, digest })
    }
}

fn read_lock(folder: &Folder) -> Result<PackageLock, ImageError> {
    let path = folder.package_lock();
    PackageLock::parse(&fs_err::read_to_string(&path)?, &path.display().to_string())
}

/// Where a golden machine's clean tree comes from.
#[derive(Debug, Clone, Copy)]
enum Origin<'a> {
    /// What its description says.
    Described(Locking),
    /// A publisher's disk.
    Disk { disk: &'a BaseDisk, firmware: Firmware },
}

/// A golden machine that is there, and kept from being deleted.
struct Made {
    folder: Folder,
    seal: Seal,
    using: usage::Use,
}

/// What a clean tree was filled with.
struct Filled {
    /// Where its packages came from, for people.
    archive: String,
    /// What exactly they were; unknown where the publisher chose them.
    lock: Option<PackageLock>,
}

/// What it takes to make a golden machine.
#[derive(Debug)]
struct Maker<'a> {
    store: &'a Store,
    image: &'a Image,
    recipe: Recipe,
    origin: Origin<'a>,
    agent: &'a Path,
    events: &'a Events,
    cancel: &'a CancellationToken,
}

impl Maker<'_> {
    async fn find_or_make(&self, role: Role) -> Result<Made, ImageError> {
        let folder = Folder::new(self.store, &self.image.name, self.recipe.key());
        let using = usage::hold(&folder).await?;
        let seal = match folder.seal(role)? {
            Some(seal) => seal,
            None => self.make(&folder, role).await?,
        };
        Ok(Made { folder, seal, using })
    }

    /// Makes what is missing, alone.
    async fn make(&self, folder: &Folder, role: Role) -> Result<Seal, ImageError> {
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
    async fn make_clean(&self, folder: &Folder) -> Result<Seal, ImageError> {
        let unfinished = folder.unfinished();
        fs_err::create_dir(unfinished.path())?;
        let filled = self.fill(&unfinished).await?;
        let seal = self.seal(&unfinished, Role::Clean, filled.lock.as_ref(), filled.archive).await?;
        if folder.path().exists() {
            // Without a seal nobody can have used it.
            super::host_tool::remove(folder.parent(), &[self.recipe.key()], self.cancel).await?;
        }
        fs_err::rename(unfinished.path(), folder.path())?;
        sync_folder(folder.parent())?;
        Ok(seal)
    }

    /// Makes tree and kernel.
    async fn fill(&self, unfinished: &Folder) -> Result<Filled, ImageError> {
        let Self { store, image, events, cancel, .. } = *self;
        match (self.origin, &image.source) {
            (Origin::Described(locking), Source::Bootstrap { .. }) => {
                let wish = Wish { store, image, locking, archive: None, events, cancel };
                Box::pin(self.fill_from_archive(unfinished, &wish)).await
            }
            (Origin::Described(_), Source::CloudImage(_)) => {
                let fetched = Box::pin(cloud_fetch(image, store, events, cancel)).await?;
                let disk = BaseDisk { path: fetched.path, sha256: fetched.sha256, release: fetched.release };
                Box::pin(self.fill_from_disk(unfinished, &disk, Firmware::IfNeeded)).await
            }
            (Origin::Disk { disk, firmware }, _) => Box::pin(self.fill_from_disk(unfinished, disk, firmware)).await,
        }
    }

    async fn fill_from_archive(&self, unfinished: &Folder, wish: &Wish<'_>) -> Result<Filled, ImageError> {
        let Self { store, image, events, cancel, .. } = *self;
        let made = lock::obtain(wish).await?;
        let cache = PackageCache::of(store)?;
        bootstrap::bootstrap(image, &made.lock, &cache, unfinished.path(), events, cancel).await?;
        let package = made.lock.kernel.first().ok_or_else(|| ImageError::NoKernel { image: image.name.clone() })?;
        let order = kernel::extract(&cache.path(package), &image.kernel.modules, &unfinished.kernel(), cancel).await?;
        self.kernel_is_there(unfinished, &order)?;
        crate::store::write_atomically(&unfinished.package_lock(), made.lock.to_text().as_bytes())?;
        Ok(Filled { archive: made.archive, lock: Some(made.lock) })
    }

    async fn fill_from_disk(
        &self,
        unfinished: &Folder,
        disk: &BaseDisk,
        firmware: Firmware,
    ) -> Result<Filled, ImageError> {
        let Self { store, image, agent, events, cancel, .. } = *self;
        let first = FirstBoot { store, image, disk, agent, firmware, events, cancel };
        first_boot::make(first, unfinished.path()).await?;
        let order = kernel::of_tree(&unfinished.clean(), &image.kernel.modules, &unfinished.kernel(), cancel).await?;
        self.kernel_is_there(unfinished, &order)?;
        Ok(Filled { archive: format!("{}, sha256 {}", disk.release, disk.sha256), lock: None })
    }

    fn kernel_is_there(&self, unfinished: &Folder, order: &[String]) -> Result<(), ImageError> {
        self.events.note(Part::Golden, format!("kernel modules: {}", order.join(", ")));
        Ok(record::kernel(&unfinished.kernel())?)
    }

    /// The build role's layer.
    async fn make_layer(&self, folder: &Folder, archive: String) -> Result<Seal, ImageError> {
        let Maker { store, image, agent, events, cancel, .. } = *self;
        // The clean tree's own lock: an archive that has moved on since must not be mixed in.
        let lock = if folder.package_lock().is_file() { Some(read_lock(folder)?) } else { None };
        if let Some(lock) = &lock {
            lock::complete(store, image, lock, events, cancel).await?;
        }
        layer::make(layer::Making { store, image, folder, lock: lock.as_ref(), agent, events, cancel }).await?;
        self.seal(folder, Role::Build, lock.as_ref(), archive).await
    }

    /// Lists what is installed and every file, and seals it.
    async fn seal(
        &self,
        folder: &Folder,
        role: Role,
        lock: Option<&PackageLock>,
        archive: String,
    ) -> Result<Seal, ImageError> {
        let installed = packages::installed_in(&folder.uppermost(role))?;
        let changes = lock.map(|lock| packages::differences(&lock.of(role), &installed)).unwrap_or_default();
        if !changes.is_empty() {
            return Err(ImageError::Installed { changes });
        }
        crate::store::write_atomically(&folder.packages(role), packages::list(&installed).as_bytes())?;
        let seal = Seal::new(&self.image.name, self.recipe.made(role, &installed), archive);
        let seal = seal.with_root_digest(digest::role_digest(folder, role, self.cancel).await?);
        sync(folder.path(), self.cancel).await?;
        folder.write_seal(role, &seal)?;
        Ok(seal)
    }
}
