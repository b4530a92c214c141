//! A golden machine: one bootstrap, provisioned once, sealed, seen as a tree or as a disk.

use super::folder::{Folder, Seal};
use super::recipe::Recipe;
use super::{Image, ImageError, bootstrap, disk, initramfs, kernel, layer, packages, record, usage};
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
        let image = Image::find(image)?;
        let maker = Maker { store, recipe: Recipe::of(&image), image: &image, agent, events, cancel };
        let folder = Folder::new(store, &image.name, maker.recipe.key());
        let using = usage::hold(&folder).await?;
        let seal = match folder.seal(role)? {
            Some(seal) => seal,
            None => maker.make(&folder, role).await?,
        };
        Ok(Self { image, role, folder, digest: seal.digest, _using: using })
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

    /// The file that lists what is installed, one `name=version arch` a line, sorted.
    pub fn packages(&self) -> PathBuf {
        self.folder.packages(self.role)
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
        Ok(RootDisk { disk: self.folder.disk(self.role), kernel: kernel.join("vmlinuz"), initramfs })
    }
}

/// What it takes to make a golden machine.
#[derive(Debug)]
struct Maker<'a> {
    store: &'a Store,
    image: &'a Image,
    recipe: Recipe,
    agent: &'a Path,
    events: &'a Events,
    cancel: &'a CancellationToken,
}

impl Maker<'_> {
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
        let made = bootstrap::bootstrap(self.image, unfinished.path(), self.events, self.cancel).await?;
        let modules = &self.image.kernel.modules;
        let order = kernel::extract(&made.kernel, modules, &unfinished.kernel(), self.cancel).await?;
        record::kernel(&unfinished.kernel())?;
        self.events.note(Part::Golden, format!("kernel modules: {}", order.join(", ")));
        fs_err::remove_dir_all(unfinished.path().join("deb"))?;
        let seal = self.seal(&unfinished, Role::Clean, made.archive)?;
        if folder.path().exists() {
            // Without a seal nobody can have used it.
            super::host_tool::remove(folder.parent(), &[self.recipe.key()], self.cancel).await?;
        }
        fs_err::rename(unfinished.path(), folder.path())?;
        sync_folder(folder.parent())?;
        Ok(seal)
    }

    /// The build role's layer.
    async fn make_layer(&self, folder: &Folder, archive: String) -> Result<Seal, ImageError> {
        layer::make(self.store, self.image, folder, self.agent, self.events, self.cancel).await?;
        self.seal(folder, Role::Build, archive)
    }

    /// Lists what is installed, and seals it.
    fn seal(&self, folder: &Folder, role: Role, archive: String) -> Result<Seal, ImageError> {
        let uppermost = match role {
            Role::Build => folder.layer(),
            Role::Clean => folder.clean(),
        };
        let installed = packages::installed_in(&uppermost)?;
        crate::store::write_atomically(&folder.packages(role), packages::list(&installed).as_bytes())?;
        let seal = Seal::new(&self.image.name, self.recipe.made(role, &installed), archive);
        folder.write_seal(role, &seal)?;
        Ok(seal)
    }
}
