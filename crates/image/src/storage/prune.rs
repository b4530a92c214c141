//! Deletion of files that no current image needs and nothing uses.
//!
//! A new description, package list or version gives golden machines under a new key, and the old ones stay: half a
//! gigabyte each. Unfinished files of killed runs, an initramfs for each agent, and replaced packages add to that.

use super::inventory::{bytes_on_disk, current, keys, names, wanted};
use crate::golden::GoldenError;
use crate::golden::folder::{GoldenFolder, UNFINISHED};
use crate::golden::use_lock::{self, DeletePermission};
use crate::kernel::{initramfs_name, is_initramfs};
use crate::{Image, ImageError, cloud, host_tool, lock};
use serde::Serialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::{Lock, Store};
use vmbuild_packages::{PackageCache, PackageLock};

/// How unneeded files are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneMode {
    /// Delete them.
    Real,
    /// List them.
    DryRun,
}

/// A file or folder that no current image needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrunedItem {
    /// Its path.
    pub path: PathBuf,
    /// Why it is not needed.
    pub why: &'static str,
    /// Bytes on disk.
    pub bytes: u64,
    /// Why it was kept, if it was.
    pub kept: Option<String>,
}

/// Deletes everything that no current image needs. The initramfs of `agent` stays; without an agent, all stay.
pub async fn prune(
    store: &Store,
    agent: Option<&Path>,
    pruning: PruneMode,
    cancel: &CancellationToken,
) -> Result<Vec<PrunedItem>, ImageError> {
    let mut pruner = GoldenPruner { store, pruning, cancel, found: Vec::new() };
    for name in names(&store.images())? {
        let image = Image::load(&name, store).ok();
        pruner.image(&store.images().join(&name), image.as_ref(), agent).await?;
    }
    pruner.downloads()?;
    pruner.packages()?;
    Ok(pruner.found)
}

/// Deletes an image's golden machines, so that they are built again.
pub async fn discard(store: &Store, image: &str, cancel: &CancellationToken) -> Result<(), ImageError> {
    let image = Image::load(image, store)?;
    let folder = current(store, &image);
    if !folder.path().exists() {
        return Ok(());
    }
    let in_use = |by| GoldenError::InUse { image: image.name.clone(), by };
    let _making = Lock::try_take(&folder.parent().join(".lock"))?.ok_or_else(|| in_use(None))?;
    match use_lock::request_deletion(store, &folder, folder.path())? {
        DeletePermission::Granted(_lock) => remove(folder.path(), cancel).await,
        DeletePermission::InUse => Err(in_use(None).into()),
        DeletePermission::NeededBy(machine) => Err(in_use(Some(machine)).into()),
    }
}

/// Renames a folder to an unfinished name, then deletes it: a killed run leaves nothing that looks complete.
pub(crate) async fn remove(path: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let name = name.to_string_lossy();
    let hidden = if name.starts_with(UNFINISHED) { name.into_owned() } else { format!("{UNFINISHED}{name}") };
    fs_err::rename(path, folder.join(&hidden))?;
    host_tool::remove_trees(folder, &[&hidden], cancel).await
}

struct GoldenPruner<'a> {
    store: &'a Store,
    pruning: PruneMode,
    cancel: &'a CancellationToken,
    found: Vec<PrunedItem>,
}

impl GoldenPruner<'_> {
    async fn image(&mut self, path: &Path, image: Option<&Image>, agent: Option<&Path>) -> Result<(), ImageError> {
        let making = Lock::try_take(&path.join(".lock"))?;
        let wanted = image.map(|image| wanted(self.store, image)).transpose()?;
        for key in keys(path)? {
            let folder = GoldenFolder::at(path.join(&key));
            match &wanted {
                Some(wanted) if wanted.iter().any(|wanted| wanted.path() == folder.path()) => {
                    self.inside(&folder, agent, making.is_some()).await?;
                }
                Some(_) => self.golden(&folder, "made from another description", making.is_some()).await?,
                None => self.golden(&folder, "its image is no longer known", making.is_some()).await?,
            }
        }
        self.unfinished(path, making.is_some()).await
    }

    /// Unneeded files inside a needed golden machine.
    async fn inside(&mut self, folder: &GoldenFolder, agent: Option<&Path>, idle: bool) -> Result<(), ImageError> {
        self.unfinished(folder.path(), idle).await?;
        let Some(agent) = agent else { return Ok(()) };
        let ours = initramfs_name(agent)?;
        for name in names(folder.path())? {
            if is_initramfs(&name) && name != ours {
                self.part(folder, &name, "for another agent", idle).await?;
            }
        }
        Ok(())
    }

    async fn unfinished(&mut self, folder: &Path, idle: bool) -> Result<(), ImageError> {
        for name in names(folder)?.into_iter().filter(|name| name.starts_with(UNFINISHED)) {
            let kept = (!idle).then(|| "another vmbuild is building it".to_owned());
            self.take(&folder.join(name), "left unfinished", kept).await?;
        }
        Ok(())
    }

    /// Publishers' disks that no description pins. This includes those of a description given by its path: it may be
    /// gone, and the next use fetches the disk again.
    fn downloads(&mut self) -> Result<(), ImageError> {
        let mut wanted = HashSet::new();
        for name in Image::names(self.store)? {
            wanted.extend(cloud::folder_of(&Image::load(&name, self.store)?, self.store));
        }
        for path in cloud::folders(self.store)?.into_iter().filter(|path| !wanted.contains(path)) {
            let bytes = bytes_on_disk(&path);
            let is_idle = match self.pruning {
                PruneMode::Real => cloud::remove_if_idle(&path)?,
                PruneMode::DryRun => Lock::try_take(&path.join(".lock"))?.is_some(),
            };
            let kept = (!is_idle).then(|| "another vmbuild is fetching it".to_owned());
            self.found.push(PrunedItem { path, why: "no image uses it", bytes, kept });
        }
        Ok(())
    }

    /// Cached packages that no lock names: neither an image's, nor a golden machine's, nor an archive's last answer.
    fn packages(&mut self) -> Result<(), ImageError> {
        // The lock exists only where there are packages.
        if !self.store.packages().is_dir() {
            return Ok(());
        }
        let fetching = PackageCache::of(self.store)?.try_lock()?;
        let unreferenced = lock::unreferenced_packages(self.store, &self.golden_locks()?)?;
        if unreferenced.is_empty() {
            return Ok(());
        }
        let bytes = unreferenced.iter().map(|path| bytes_on_disk(path)).sum();
        let kept = fetching.is_none().then(|| "another vmbuild is fetching packages".to_owned());
        if fetching.is_some() && self.pruning == PruneMode::Real {
            unreferenced.iter().try_for_each(fs_err::remove_file)?;
        }
        self.found.push(PrunedItem { path: self.store.packages(), why: "packages that no lock names", bytes, kept });
        Ok(())
    }

    fn golden_locks(&self) -> Result<Vec<PackageLock>, ImageError> {
        let mut locks = Vec::new();
        for image in names(&self.store.images())? {
            let path = self.store.images().join(image);
            let folders = keys(&path)?.into_iter().map(|key| GoldenFolder::at(path.join(key)));
            for folder in folders.filter(|folder| folder.package_lock().is_file()) {
                locks.push(folder.read_package_lock()?);
            }
        }
        Ok(locks)
    }

    async fn golden(&mut self, folder: &GoldenFolder, why: &'static str, idle: bool) -> Result<(), ImageError> {
        let (_lock, kept) = self.permission(folder, folder.path(), idle)?;
        self.take(folder.path(), why, kept).await
    }

    async fn part(
        &mut self,
        folder: &GoldenFolder,
        name: &str,
        why: &'static str,
        idle: bool,
    ) -> Result<(), ImageError> {
        let path = folder.path().join(name);
        let (_lock, kept) = self.permission(folder, &path, idle)?;
        self.take(&path, why, kept).await
    }

    /// The permission to delete a part, or the reason to keep it.
    fn permission(
        &self,
        folder: &GoldenFolder,
        part: &Path,
        idle: bool,
    ) -> Result<(Option<DeletePermission>, Option<String>), ImageError> {
        if !idle {
            return Ok((None, Some("another vmbuild is building it".to_owned())));
        }
        Ok(match use_lock::request_deletion(self.store, folder, part)? {
            DeletePermission::InUse => (None, Some("another vmbuild uses it".to_owned())),
            DeletePermission::NeededBy(machine) => (None, Some(format!("machine {machine} uses it"))),
            granted @ DeletePermission::Granted(_) => (Some(granted), None),
        })
    }

    async fn take(&mut self, path: &Path, why: &'static str, kept: Option<String>) -> Result<(), ImageError> {
        let bytes = bytes_on_disk(path);
        if kept.is_none() && self.pruning == PruneMode::Real {
            remove(path, self.cancel).await?;
        }
        self.found.push(PrunedItem { path: path.to_owned(), why, bytes, kept });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{PruneMode, prune};
    use crate::golden::folder::GoldenFolder;
    use crate::golden::use_lock::acquire_use;
    use crate::kernel::initramfs_name;
    use crate::storage::inventory::current;
    use crate::{Image, find_lock};
    use std::path::Path;
    use tokio_util::sync::CancellationToken;
    use vmbuild_core::store::Store;

    async fn found(store: &Store, agent: &Path) -> Vec<(String, bool)> {
        let found = prune(store, Some(agent), PruneMode::DryRun, &CancellationToken::new()).await.expect("looked");
        let name = |path: &Path| path.file_name().expect("named").to_string_lossy().into_owned();
        found.iter().map(|found| (name(&found.path), found.kept.is_some())).collect()
    }

    #[tokio::test]
    async fn lists_unneeded_files_and_keeps_those_in_use() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::at(&home.path().join("store")).expect("a store");
        let agent = home.path().join("agent");
        fs_err::write(&agent, "agent").expect("written");
        let mine = current(&store, &Image::find("debian-12").expect("an image"));
        let old = GoldenFolder::new(&store, "debian-12", "0123456789abcdef");
        let gone = GoldenFolder::new(&store, "windows-95", "0123456789abcdef");
        for folder in [mine.path(), old.path(), gone.path(), &mine.parent().join(".new-x")] {
            fs_err::create_dir_all(folder).expect("made");
        }
        let initramfs = initramfs_name(&agent).expect("named");
        for name in [initramfs.as_str(), "initramfs-0000000000000000.cpio", "image.json"] {
            fs_err::write(mine.path().join(name), "").expect("written");
        }
        let using = acquire_use(&old).await.expect("held");
        let expect = |old_is_kept| {
            let mut all = vec![
                ("0123456789abcdef".to_owned(), old_is_kept),
                ("initramfs-0000000000000000.cpio".to_owned(), false),
            ];
            let own = mine.path().file_name().expect("named").to_string_lossy();
            if *own < *"0123456789abcdef" {
                all.reverse();
            }
            [all, vec![(".new-x".to_owned(), false), ("0123456789abcdef".to_owned(), false)]].concat()
        };
        assert_eq!(found(&store, &agent).await, expect(true));
        drop(using);
        assert_eq!(found(&store, &agent).await, expect(false));
        assert!(gone.path().is_dir(), "a dry run deletes nothing");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn packages_that_no_lock_names_go() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::at(home.path()).expect("a store");
        let lock = find_lock(&store, &Image::find("debian-12").expect("an image")).expect("read");
        let Some(lock) = lock else { return };
        let package = |digest: &str| store.packages().join(format!("{digest}.deb"));
        let (needed, stray) = (package(&lock.clean[0].sha256.to_string()), package(&"00".repeat(32)));
        fs_err::create_dir_all(store.packages()).expect("made");
        for path in [&needed, &stray] {
            fs_err::write(path, "bytes").expect("written");
        }
        let found = prune(&store, None, PruneMode::Real, &CancellationToken::new()).await.expect("pruned");
        assert_eq!(found.iter().map(|found| found.why).collect::<Vec<_>>(), ["packages that no lock names"]);
        assert!(needed.exists() && !stray.exists());
    }
}
