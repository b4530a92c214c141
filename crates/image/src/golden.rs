//! A golden machine: one bootstrap, provisioned once, sealed, seen as a tree or as a disk.

use super::folder::GoldenFolder;
use super::lock::{self, Locking, PackageLock};
use super::making::Maker;
use super::recipe::GoldenRecipe;
use super::{Image, ImageError, archive_address, disk, initramfs, record, usage};
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::store::Store;
use vmbuild_machine::{RootDisk, RootTree};

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
    folder: GoldenFolder,
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
        let recipe = GoldenRecipe::of(&image, kept.as_deref());
        let maker = Maker { store, recipe, locking, image: &image, agent, events, cancel };
        let made = maker.find_or_make(role).await?;
        Ok(Self { image, role, folder: made.folder, digest: made.seal.digest, _using: made.using })
    }

    /// The image's name, such as `debian-12`.
    pub fn image(&self) -> &str {
        &self.image.name
    }

    /// The image's description.
    pub fn description(&self) -> &Image {
        &self.image
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where it lies in the store.
    pub(super) fn folder(&self) -> &GoldenFolder {
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
        self.folder.read_package_lock()
    }

    /// The file that lists what is installed, one `name=version arch` a line, sorted.
    pub fn packages(&self) -> PathBuf {
        self.folder.packages(self.role)
    }

    /// What that file says.
    pub fn package_list(&self) -> io::Result<String> {
        fs_err::read_to_string(self.packages())
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
