//! A golden machine as callers see it.

use super::build::GoldenBuilder;
use super::checksums::record_disk;
use super::disk;
use super::folder::GoldenFolder;
use super::recipe::GoldenRecipe;
use super::use_lock::UseLock;
use crate::kernel::ensure_initramfs;
use crate::lock::{LockMode, archive_of, lock_text};
use crate::{Image, ImageError};
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::store::Store;
use vmbuild_machine::{RootDisk, RootTree};
use vmbuild_packages::{LockedPackage, PackageLock};

/// The purpose of a golden machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GoldenRole {
    /// Compiling: toolchain and development packages.
    Build,
    /// Validating: the packages of a user's machine, no compiler, no development package.
    Clean,
}

impl GoldenRole {
    /// The role's name, in file names and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Clean => "clean",
        }
    }

    /// The packages of a machine of this role.
    pub(crate) fn packages_in(self, lock: &PackageLock) -> Vec<&LockedPackage> {
        match self {
            Self::Clean => lock.clean.iter().collect(),
            Self::Build => lock.build_machine().collect(),
        }
    }
}

/// A golden machine to prepare.
#[derive(Debug, Clone, Copy)]
pub struct GoldenRequest<'a> {
    /// The image.
    pub image: &'a Image,
    /// The role.
    pub role: GoldenRole,
    /// How the image's lock is used.
    pub mode: LockMode,
}

/// A sealed golden machine.
#[derive(Debug, Clone)]
pub struct Golden {
    image: Image,
    role: GoldenRole,
    folder: GoldenFolder,
    digest: String,
    /// Held to prevent deletion.
    _using: UseLock,
}

impl Golden {
    /// The golden machine of `image` for `role`: from the store, or built now (bootstrap, provision, seal).
    pub async fn prepare(
        store: &Store,
        image: &str,
        role: GoldenRole,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        let image = &Image::load(image, store)?;
        let request = GoldenRequest { image, role, mode: LockMode::Compare };
        Self::prepare_as(store, request, agent, events, cancel).await
    }

    /// The golden machine of a request: from the store, or built now.
    pub async fn prepare_as(
        store: &Store,
        request: GoldenRequest<'_>,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        let GoldenRequest { image, role, mode } = request;
        let required = match mode {
            LockMode::Compare => None,
            LockMode::Locked => lock_text(store, image)?,
        };
        let recipe = GoldenRecipe::of(image, required.as_deref());
        let builder = GoldenBuilder { store, image, recipe, mode, agent, events, cancel };
        let built = builder.find_or_build(role).await?;
        tracing::info!(image = %image.name, role = role.as_str(), digest = %built.seal.digest, "golden machine");
        let image = image.clone();
        Ok(Self { image, role, folder: built.folder, digest: built.seal.digest, _using: built.using })
    }

    /// The image's name, such as `debian-12`.
    pub fn image(&self) -> &str {
        &self.image.name
    }

    /// The image's description.
    pub fn description(&self) -> &Image {
        &self.image
    }

    /// Its role.
    pub fn role(&self) -> GoldenRole {
        self.role
    }

    /// Its folder in the store.
    pub(crate) fn folder(&self) -> &GoldenFolder {
        &self.folder
    }

    /// The image's name in artifact names, such as `debian12`.
    pub fn artifact_word(&self) -> &str {
        &self.image.artifact_word
    }

    /// SHA-256 (hex) over the golden machine's recipe and its installed packages: its identity.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The lock it was made from.
    pub fn package_lock(&self) -> Result<PackageLock, ImageError> {
        self.folder.read_package_lock()
    }

    /// The file that lists the installed packages, one `name=version arch` a line, sorted.
    pub fn packages(&self) -> PathBuf {
        self.folder.packages(self.role)
    }

    /// The contents of that file.
    pub fn package_list(&self) -> io::Result<String> {
        fs_err::read_to_string(self.packages())
    }

    /// The line with this host's archive for the guest's package manager; `None` where no archive is known.
    pub async fn sources(&self, cancel: &CancellationToken) -> Option<String> {
        let archive = archive_of(&self.image, cancel).await.ok()?;
        Some(format!("deb {} {} {}\n", archive.address, archive.suite, archive.components.join(" ")))
    }

    /// SHA-256 (hex) of the list of its files, as `tree_digest` computes it, and the path of the list.
    pub fn root_digest(&self) -> Result<Option<(String, PathBuf)>, ImageError> {
        let digest = self.folder.seal(self.role)?.and_then(|seal| seal.root_digest);
        Ok(digest.map(|digest| (digest, self.folder.list(self.role))))
    }

    /// The machine as a tree.
    pub fn tree(&self) -> RootTree {
        RootTree { layers: self.folder.layers(self.role) }
    }

    /// The machine as a disk with kernel and initramfs, made at first use.
    pub async fn disk(
        &self,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<RootDisk, ImageError> {
        let _lock = self.folder.lock(events, cancel).await?;
        disk::ensure(&self.folder, self.role, &self.digest, events, cancel).await?;
        record_disk(&self.folder.disk(self.role)).await?;
        let kernel = self.folder.kernel();
        let initramfs = ensure_initramfs(self.folder.path(), &kernel.join("modules"), agent).await?;
        let (disk, digest) = (self.folder.disk(self.role), self.digest.clone());
        Ok(RootDisk { disk, kernel: kernel.join("vmlinuz"), initramfs, digest })
    }
}
