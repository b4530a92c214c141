//! The folder of a golden machine in the store.
//!
//! ```text
//! images/<name>/.lock          held by the vmbuild that builds something here
//! images/<name>/.use-<key>     held, shared, by users of a golden machine
//! images/<name>/<key>/
//!   clean/                     the clean root file system
//!   packages-clean.txt         its installed packages: `name=version arch`
//!   lock.toml                  the packages of both roles, to the byte
//!   tree-clean.txt             every file of it; `root_digest` is its SHA-256
//!   kernel/vmlinuz             the kernel
//!   kernel/modules/            `order`, and the modules it lists
//!   kernel/SHA256SUMS          checksums of both
//!   image.json                 seals the above: written last, before the folder gets its name
//!   build-layer/               the build role's files on top of `clean/`
//!   packages-build.txt         the installed packages of both together
//!   tree-build.txt             every file of both
//!   build-layer.json           seals the layer
//!   build.ext4  clean.ext4     disks, made at first use; `.json` next to them has their checksums
//!   initramfs-<agent>.cpio     by the agent's digest
//! ```
//!
//! Names that begin with `.new-` are unfinished: being built, or left by a killed vmbuild.

use super::{GoldenError, GoldenRole};
use crate::ImageError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, write_atomically};
use vmbuild_packages::PackageLock;

/// The prefix of everything unfinished.
pub(crate) const UNFINISHED: &str = ".new-";

/// The seal of a golden machine, or of its build layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenSeal {
    /// Version of the file format.
    pub(crate) schema: u32,
    /// The image's name.
    pub(crate) image: String,
    /// Its identity.
    pub(crate) digest: String,
    /// The archive of its packages; for people, not part of the identity.
    pub(crate) archive: String,
    /// SHA-256 (hex) of the list of all its files (`tree-<role>.txt`): equal for equal packages.
    #[serde(default)]
    pub(crate) root_digest: Option<String>,
    /// When it was built.
    pub(crate) made: Timestamp,
}

impl GoldenSeal {
    pub(crate) fn new(image: &str, digest: String, archive: String) -> Self {
        Self { schema: 1, image: image.to_owned(), digest, archive, root_digest: None, made: Timestamp::now() }
    }

    /// The same, with the digest of its files.
    pub(crate) fn with_root_digest(self, digest: String) -> Self {
        Self { root_digest: Some(digest), ..self }
    }
}

/// The folder of one golden machine, finished or not.
#[derive(Debug, Clone)]
pub(crate) struct GoldenFolder(PathBuf);

impl GoldenFolder {
    /// The folder for the recipe `key` of `image`.
    pub(crate) fn new(store: &Store, image: &str, key: &str) -> Self {
        Self(store.images().join(image).join(key))
    }

    /// The golden machine's folder at this path.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The same, while it is unfinished.
    pub(crate) fn unfinished(&self) -> Self {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        Self(self.parent().join(format!("{UNFINISHED}{name}")))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of all golden machines of the image.
    pub(crate) fn parent(&self) -> &Path {
        self.0.parent().unwrap_or(&self.0)
    }

    pub(crate) fn clean(&self) -> PathBuf {
        self.0.join("clean")
    }

    pub(crate) fn layer(&self) -> PathBuf {
        self.0.join("build-layer")
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.0.join("kernel")
    }

    pub(crate) fn disk(&self, role: GoldenRole) -> PathBuf {
        self.0.join(format!("{}.ext4", role.as_str()))
    }

    pub(crate) fn packages(&self, role: GoldenRole) -> PathBuf {
        self.0.join(format!("packages-{}.txt", role.as_str()))
    }

    /// The list of the role's files.
    pub(crate) fn list(&self, role: GoldenRole) -> PathBuf {
        self.0.join(format!("tree-{}.txt", role.as_str()))
    }

    /// The path of its lock.
    pub(crate) fn package_lock(&self) -> PathBuf {
        self.0.join("lock.toml")
    }

    /// Its lock.
    pub(crate) fn read_package_lock(&self) -> Result<PackageLock, ImageError> {
        let path = self.package_lock();
        Ok(PackageLock::parse(&fs_err::read_to_string(&path)?, &path.display().to_string())?)
    }

    /// The uppermost layer of the role's tree, which has the package manager's database.
    pub(crate) fn uppermost(&self, role: GoldenRole) -> PathBuf {
        match role {
            GoldenRole::Build => self.layer(),
            GoldenRole::Clean => self.clean(),
        }
    }

    /// The layers of the role's tree, uppermost first.
    pub(crate) fn layers(&self, role: GoldenRole) -> Vec<PathBuf> {
        match role {
            GoldenRole::Build => vec![self.layer(), self.clean()],
            GoldenRole::Clean => vec![self.clean()],
        }
    }

    fn seal_path(&self, role: GoldenRole) -> PathBuf {
        self.0.join(match role {
            GoldenRole::Build => "build-layer.json",
            GoldenRole::Clean => "image.json",
        })
    }

    /// The role's seal, if it has been built.
    pub(crate) fn seal(&self, role: GoldenRole) -> Result<Option<GoldenSeal>, ImageError> {
        let path = self.seal_path(role);
        match fs_err::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(|source| GoldenError::Damaged { path, source }.into())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Seals the role.
    pub(crate) fn write_seal(&self, role: GoldenRole, seal: &GoldenSeal) -> Result<(), ImageError> {
        let mut text = serde_json::to_vec_pretty(seal).map_err(std::io::Error::from)?;
        text.push(b'\n');
        Ok(write_atomically(&self.seal_path(role), &text)?)
    }

    /// Takes the lock on the image's golden machines, with a note if another vmbuild holds it, and removes the
    /// unfinished files of a killed one.
    pub(crate) async fn lock(&self, events: &Events, cancel: &CancellationToken) -> Result<Lock, ImageError> {
        fs_err::create_dir_all(self.parent())?;
        let path = self.parent().join(".lock");
        let mut lock = Lock::try_take(&path)?;
        if lock.is_none() {
            events.note(Part::Golden, "waiting for another vmbuild that is preparing this image");
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
    crate::host_tool::remove_trees(folder, &names, cancel).await
}

#[cfg(test)]
mod tests {
    use super::{GoldenFolder, GoldenSeal};
    use crate::golden::GoldenError;
    use crate::{GoldenRole, ImageError};
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
        assert_eq!(folder.seal(GoldenRole::Clean).expect("no seal yet"), None);
        let seal = GoldenSeal::new("debian-12", "00ff".to_owned(), "http://archive.example/debian".to_owned());
        folder.write_seal(GoldenRole::Clean, &seal).expect("written");
        assert_eq!(folder.seal(GoldenRole::Clean).expect("a seal"), Some(seal));
        assert_eq!(folder.seal(GoldenRole::Build).expect("no seal yet"), None);
        fs_err::write(folder.path().join("image.json"), "{}").expect("written");
        assert!(matches!(folder.seal(GoldenRole::Clean), Err(ImageError::Golden(GoldenError::Damaged { .. }))));
    }

    #[test]
    fn unfinished_folders_are_next_to_finished_ones() {
        let (_home, folder) = folder();
        let unfinished = folder.unfinished();
        assert_eq!(unfinished.parent(), folder.parent());
        assert_eq!(unfinished.path().file_name(), Some(".new-0123456789abcdef".as_ref()));
        assert_eq!(folder.layers(GoldenRole::Build), [folder.layer(), folder.clean()]);
    }
}
