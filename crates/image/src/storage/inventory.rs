//! Inventory of the store, by image.

use crate::cloud::cached;
use crate::description::DescriptionError;
use crate::golden::checksums;
use crate::golden::folder::GoldenFolder;
use crate::golden::recipe::GoldenRecipe;
use crate::{GoldenRole, Image, ImageError, ImageSource, lock};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vmbuild_core::store::Store;

/// An image, and its files in the store.
#[derive(Debug, Clone, Serialize)]
pub struct ImageInventory {
    /// Its name.
    pub name: String,
    /// Where it comes from: `bootstrap`.
    pub source: &'static str,
    /// Its release, as the source names it.
    pub release: String,
    /// True if it is the default image.
    pub default: bool,
    /// The key of the golden machines of the current description.
    pub key: String,
    /// True if its base is in the store, so that a golden machine can be built without the network.
    pub base: bool,
    /// Its golden machines in the store.
    pub golden: Vec<GoldenInventory>,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Golden machines of other descriptions: `vmbuild image prune` removes them.
    pub others: Vec<String>,
}

/// A golden machine in the store.
#[derive(Debug, Clone, Serialize)]
pub struct GoldenInventory {
    /// `build` or `clean`.
    pub role: &'static str,
    /// Its identity.
    pub digest: String,
    /// When it was built.
    pub made: Timestamp,
    /// The archive of its packages.
    pub archive: String,
    /// Its number of packages.
    pub packages: usize,
    /// The file that lists them.
    pub package_list: PathBuf,
    /// Its disk, if one was made.
    pub disk: Option<DiskInventory>,
}

/// A golden machine's disk.
#[derive(Debug, Clone, Serialize)]
pub struct DiskInventory {
    /// Its path.
    pub path: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256 of its blocks when it was made (see docs/image-verbs.md).
    pub blocks_sha256: Option<String>,
}

/// Inventory of every known image.
pub fn inventory(store: &Store) -> Result<Vec<ImageInventory>, ImageError> {
    Image::names(store)?.iter().map(|name| inventory_of(store, name)).collect()
}

/// Inventory of one image.
pub fn inventory_of(store: &Store, name: &str) -> Result<ImageInventory, ImageError> {
    let image = Image::load(name, store)?;
    let folder = current(store, &image);
    let golden: Result<Vec<_>, ImageError> = [GoldenRole::Clean, GoldenRole::Build]
        .into_iter()
        .filter_map(|role| golden(&folder, role).transpose())
        .collect();
    let golden = golden?;
    let (source, release) = match &image.source {
        ImageSource::Bootstrap { suite, snapshot, .. } => {
            ("bootstrap", snapshot.clone().unwrap_or_else(|| suite.clone()))
        }
        ImageSource::CloudImage(cloud) => ("cloud-image", cloud.release.clone()),
    };
    Ok(ImageInventory {
        source,
        release,
        default: image.name == Image::DEFAULT,
        key: key(&folder),
        base: match &image.source {
            ImageSource::Bootstrap { .. } => !golden.is_empty(),
            ImageSource::CloudImage(_) => cached(&image, store)?.is_some(),
        },
        bytes: if golden.is_empty() { 0 } else { bytes_on_disk(folder.path()) },
        golden,
        others: others(store, &image, &folder)?,
        name: image.name,
    })
}

fn others(store: &Store, image: &Image, folder: &GoldenFolder) -> Result<Vec<String>, ImageError> {
    let wanted: Vec<String> = wanted(store, image)?.iter().map(key).collect();
    Ok(keys(folder.parent())?.into_iter().filter(|found| !wanted.contains(found)).collect())
}

/// The description of an image, as data.
pub fn description(store: &Store, name: &str) -> Result<serde_json::Value, ImageError> {
    let image = Image::load(name, store)?;
    let malformed = |source| DescriptionError::Malformed { file: format!("images/{name}.toml"), source };
    Ok(toml::from_str(image.text()).map_err(malformed)?)
}

/// The folder of the golden machines of an image's current description.
pub(crate) fn current(store: &Store, image: &Image) -> GoldenFolder {
    GoldenFolder::new(store, &image.name, GoldenRecipe::of(image, None).key())
}

/// The folders of the current description: with the archive's packages, and with those of `--locked`.
pub(crate) fn wanted(store: &Store, image: &Image) -> Result<Vec<GoldenFolder>, ImageError> {
    let locked = lock::lock_text(store, image)?.map(|text| GoldenRecipe::of(image, Some(&text)));
    let recipes = [Some(GoldenRecipe::of(image, None)), locked].into_iter().flatten();
    Ok(recipes.map(|recipe| GoldenFolder::new(store, &image.name, recipe.key())).collect())
}

/// The name of a golden machine's folder.
pub(crate) fn key(folder: &GoldenFolder) -> String {
    folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The keys of all golden machines in an image's folder, sorted: 16 hex digits each.
pub(crate) fn keys(image: &Path) -> Result<Vec<String>, ImageError> {
    let mut keys = Vec::new();
    for name in names(image)? {
        if name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            keys.push(name);
        }
    }
    Ok(keys)
}

/// The names in a folder, sorted; empty if there is no folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, ImageError> {
    let mut names = Vec::new();
    if folder.is_dir() {
        for entry in fs_err::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn golden(folder: &GoldenFolder, role: GoldenRole) -> Result<Option<GoldenInventory>, ImageError> {
    let Some(seal) = folder.seal(role)? else { return Ok(None) };
    let package_list = folder.packages(role);
    let disk = folder.disk(role);
    let disk = if disk.is_file() { Some(disk_inventory(disk)?) } else { None };
    Ok(Some(GoldenInventory {
        role: role.as_str(),
        digest: seal.digest,
        made: seal.made,
        archive: seal.archive,
        packages: fs_err::read_to_string(&package_list)?.lines().count(),
        package_list,
        disk,
    }))
}

fn disk_inventory(path: PathBuf) -> Result<DiskInventory, ImageError> {
    let blocks_sha256 = checksums::read_disk_record(&path)?.map(|record| record.blocks_sha256);
    Ok(DiskInventory { bytes: bytes_on_disk(&path), blocks_sha256, path })
}

/// Bytes that a file or a tree takes on disk, each file once. A folder that only its guest's users may list counts
/// as empty: an ordinary user's number is a little low.
pub(crate) fn bytes_on_disk(path: &Path) -> u64 {
    let mut seen = HashSet::new();
    let mut open = vec![path.to_owned()];
    let mut bytes = 0;
    while let Some(path) = open.pop() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if seen.insert((metadata.dev(), metadata.ino())) {
            bytes += metadata.blocks() * 512;
        }
        if metadata.is_dir() {
            let entries = fs_err::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{bytes_on_disk, inventory, keys};
    use vmbuild_core::store::Store;

    #[test]
    fn an_empty_store_lists_every_image_as_missing() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::at(&home.path().join("store")).expect("a store");
        let all = inventory(&store).expect("listed");
        assert_eq!(all.len(), crate::Image::known().len());
        assert!(all.iter().all(|image| !image.base && image.golden.is_empty() && image.bytes == 0));
        assert_eq!(all.iter().filter(|image| image.default).count(), 1);
    }

    #[test]
    fn only_keys_are_golden_machines() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["0123456789abcdef", ".new-0123456789abcdef", ".use-0123456789abcdef", "other"] {
            fs_err::create_dir(folder.path().join(name)).expect("made");
        }
        assert_eq!(keys(folder.path()).expect("listed"), ["0123456789abcdef"]);
    }

    #[test]
    fn a_file_with_two_names_counts_once() {
        let folder = tempfile::tempdir().expect("a folder");
        fs_err::write(folder.path().join("one"), vec![1; 1 << 20]).expect("written");
        let alone = bytes_on_disk(folder.path());
        fs_err::hard_link(folder.path().join("one"), folder.path().join("two")).expect("linked");
        assert_eq!(bytes_on_disk(folder.path()), alone);
    }
}
