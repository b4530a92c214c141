//! Where a golden machine lies in the store.
//!
//! ```text
//! images/<name>/.lock          held by the vmbuild that makes something here
//! images/<name>/.use-<key>     held, shared, by those that use a golden machine
//! images/<name>/<key>/
//!   clean/                     the clean root file system
//!   packages-clean.txt         what it has installed: `name=version arch`
//!   lock.toml                  the packages of both roles, to the byte
//!   tree-clean.txt             every file of it: what `root_digest` is over
//!   kernel/vmlinuz             the kernel
//!   kernel/modules/            `order`, and the modules it lists
//!   kernel/SHA256SUMS          what both contained
//!   image.json                 seals the above: written last, before the folder gets its name
//!   build-layer/               what the build role has on top of `clean/`
//!   packages-build.txt         what both together have installed
//!   tree-build.txt             every file of both
//!   build-layer.json           seals the layer
//!   build.ext4  clean.ext4     disks, made when first asked for; `.json` beside them says what they contained
//!   initramfs-<agent>.cpio     by the agent's digest
//! ```
//!
//! What begins with `.new-` is being made, or was left by a vmbuild that was killed.

use super::{ImageError, PackageLock, Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, write_atomically};

/// The prefix of everything unfinished.
pub(super) const UNFINISHED: &str = ".new-";

/// What seals a golden machine, or its build layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    /// Version of this file's form.
    pub(super) schema: u32,
    /// The image's name.
    pub(super) image: String,
    /// Its identity.
    pub(super) digest: String,
    /// The archive its packages came from: for people, no part of the identity.
    pub(super) archive: String,
    /// SHA-256 (hex) of the list of all its files (`tree-<role>.txt`): equal for equal packages.
    #[serde(default)]
    pub(super) root_digest: Option<String>,
    /// When it was made.
    pub(super) made: Timestamp,
}

impl Seal {
    pub(super) fn new(image: &str, digest: String, archive: String) -> Self {
        Self { schema: 1, image: image.to_owned(), digest, archive, root_digest: None, made: Timestamp::now() }
    }

    /// The same, with the digest of its files.
    pub(super) fn with_root_digest(self, digest: String) -> Self {
        Self { root_digest: Some(digest), ..self }
    }
}

/// The folder of one golden machine, or one that is being made.
#[derive(Debug, Clone)]
pub(super) struct GoldenFolder(PathBuf);

impl GoldenFolder {
    /// The folder for the recipe `key` of `image`.
    pub(super) fn new(store: &Store, image: &str, key: &str) -> Self {
        Self(store.images().join(image).join(key))
    }

    /// A golden machine's folder that was found.
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The same, while it is being made.
    pub(super) fn unfinished(&self) -> Self {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        Self(self.parent().join(format!("{UNFINISHED}{name}")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of all golden machines of the image.
    pub(super) fn parent(&self) -> &Path {
        self.0.parent().unwrap_or(&self.0)
    }

    pub(super) fn clean(&self) -> PathBuf {
        self.0.join("clean")
    }

    pub(super) fn layer(&self) -> PathBuf {
        self.0.join("build-layer")
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.0.join("kernel")
    }

    pub(super) fn disk(&self, role: Role) -> PathBuf {
        self.0.join(format!("{}.ext4", role.word()))
    }

    pub(super) fn packages(&self, role: Role) -> PathBuf {
        self.0.join(format!("packages-{}.txt", role.word()))
    }

    /// The list of the role's files.
    pub(super) fn list(&self, role: Role) -> PathBuf {
        self.0.join(format!("tree-{}.txt", role.word()))
    }

    /// The lock that it was made by.
    pub(super) fn package_lock(&self) -> PathBuf {
        self.0.join("lock.toml")
    }

    /// What is in it.
    pub(super) fn read_package_lock(&self) -> Result<PackageLock, ImageError> {
        let path = self.package_lock();
        PackageLock::parse(&fs_err::read_to_string(&path)?, &path.display().to_string())
    }

    /// The uppermost layer of the role's tree, which has the package manager's database.
    pub(super) fn uppermost(&self, role: Role) -> PathBuf {
        match role {
            Role::Build => self.layer(),
            Role::Clean => self.clean(),
        }
    }

    /// The layers of the role's tree, uppermost first.
    pub(super) fn layers(&self, role: Role) -> Vec<PathBuf> {
        match role {
            Role::Build => vec![self.layer(), self.clean()],
            Role::Clean => vec![self.clean()],
        }
    }

    fn seal_path(&self, role: Role) -> PathBuf {
        self.0.join(match role {
            Role::Build => "build-layer.json",
            Role::Clean => "image.json",
        })
    }

    /// The role's seal, if it has been made.
    pub(super) fn seal(&self, role: Role) -> Result<Option<Seal>, ImageError> {
        let path = self.seal_path(role);
        match fs_err::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|source| ImageError::Damaged { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Seals the role.
    pub(super) fn write_seal(&self, role: Role, seal: &Seal) -> Result<(), ImageError> {
        let mut text = serde_json::to_vec_pretty(seal).map_err(std::io::Error::from)?;
        text.push(b'\n');
        Ok(write_atomically(&self.seal_path(role), &text)?)
    }

    /// Takes the lock on the image's golden machines, saying so if another vmbuild holds it, and removes what a
    /// killed one left unfinished.
    pub(super) async fn lock(&self, events: &Events, cancel: &CancellationToken) -> Result<Lock, ImageError> {
        fs_err::create_dir_all(self.parent())?;
        let path = self.parent().join(".lock");
        let mut lock = Lock::try_take(&path)?;
        if lock.is_none() {
            events.note(Part::Golden, "another vmbuild is preparing this image: waiting for it");
            lock = Lock::take(&path, cancel).await?;
        }
        let lock = lock.ok_or(ImageError::Cancelled)?;
        for folder in [self.parent(), self.path()] {
            remove_unfinished(folder, cancel).await?;
        }
        Ok(lock)
    }
}

async fn remove_unfinished(folder: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.starts_with(UNFINISHED));
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    super::host_tool::remove(folder, &names, cancel).await
}

#[cfg(test)]
mod tests {
    use super::{GoldenFolder, Seal};
    use crate::{ImageError, Role};
    use vmbuild_core::store::Store;

    fn folder() -> (tempfile::TempDir, GoldenFolder) {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::at(&home.path().join("store")).expect("a store");
        let folder = GoldenFolder::new(&store, "debian-12", "0123456789abcdef");
        fs_err::create_dir_all(folder.path()).expect("made");
        (home, folder)
    }

    #[test]
    fn a_seal_is_read_back_and_damage_is_named() {
        let (_home, folder) = folder();
        assert_eq!(folder.seal(Role::Clean).expect("no seal yet"), None);
        let seal = Seal::new("debian-12", "00ff".to_owned(), "http://archive.example/debian".to_owned());
        folder.write_seal(Role::Clean, &seal).expect("written");
        assert_eq!(folder.seal(Role::Clean).expect("a seal"), Some(seal));
        assert_eq!(folder.seal(Role::Build).expect("no seal yet"), None);
        fs_err::write(folder.path().join("image.json"), "{}").expect("written");
        assert!(matches!(folder.seal(Role::Clean), Err(ImageError::Damaged { .. })));
    }

    #[test]
    fn unfinished_lies_beside_the_finished() {
        let (_home, folder) = folder();
        let unfinished = folder.unfinished();
        assert_eq!(unfinished.parent(), folder.parent());
        assert_eq!(unfinished.path().file_name(), Some(".new-0123456789abcdef".as_ref()));
        assert_eq!(folder.layers(Role::Build), [folder.layer(), folder.clean()]);
    }
}
