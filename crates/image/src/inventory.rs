//! What of each image is in the store.

use super::folder::GoldenFolder;
use super::recipe::GoldenRecipe;
use super::{Image, ImageError, ImageSource, Role, cloud_kept, lock, record};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vmbuild_core::store::Store;

/// An image and what of it is here.
#[derive(Debug, Clone, Serialize)]
pub struct Inventory {
    /// Its name.
    pub name: String,
    /// Where it comes from: `bootstrap`.
    pub source: &'static str,
    /// Which release of it, in the source's own word.
    pub release: String,
    /// Whether it is used where none is named.
    pub default: bool,
    /// Names the golden machines that today's description makes.
    pub key: String,
    /// Whether its base is here: a golden machine is made without the network from there.
    pub base: bool,
    /// Its golden machines that are here.
    pub golden: Vec<GoldenInventory>,
    /// Bytes on disk of those.
    pub bytes: u64,
    /// Golden machines of other descriptions that are here: `vmbuild image prune` removes them.
    pub others: Vec<String>,
}

/// A golden machine that is here.
#[derive(Debug, Clone, Serialize)]
pub struct GoldenInventory {
    /// `build` or `clean`.
    pub role: &'static str,
    /// Its identity.
    pub digest: String,
    /// When it was made.
    pub made: Timestamp,
    /// The archive its packages came from.
    pub archive: String,
    /// How many packages it has.
    pub packages: usize,
    /// The file that lists them.
    pub package_list: PathBuf,
    /// Its disk, where one was made.
    pub disk: Option<DiskInventory>,
}

/// A golden machine's disk.
#[derive(Debug, Clone, Serialize)]
pub struct DiskInventory {
    /// Where.
    pub path: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256 of its blocks when it was made (docs/image-verbs.md says over what).
    pub blocks_sha256: Option<String>,
}

/// Every known image, and what of it is here.
pub fn inventory(store: &Store) -> Result<Vec<Inventory>, ImageError> {
    Image::names(store)?.iter().map(|name| inventory_of(store, name)).collect()
}

/// One image, and what of it is here.
pub fn inventory_of(store: &Store, name: &str) -> Result<Inventory, ImageError> {
    let image = Image::load(name, store)?;
    let folder = current(store, &image);
    let golden: Result<Vec<_>, ImageError> =
        [Role::Clean, Role::Build].into_iter().filter_map(|role| golden(&folder, role).transpose()).collect();
    let golden = golden?;
    let (source, release) = match &image.source {
        ImageSource::Bootstrap { suite, snapshot, .. } => {
            ("bootstrap", snapshot.clone().unwrap_or_else(|| suite.clone()))
        }
        ImageSource::CloudImage(cloud) => ("cloud-image", cloud.release.clone()),
    };
    Ok(Inventory {
        source,
        release,
        default: image.name == Image::DEFAULT,
        key: key(&folder),
        base: match &image.source {
            ImageSource::Bootstrap { .. } => !golden.is_empty(),
            ImageSource::CloudImage(_) => cloud_kept(&image, store)?.is_some(),
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
    toml::from_str(image.text())
        .map_err(|source| ImageError::Description { file: format!("images/{name}.toml"), source })
}

/// The folder of the golden machines that today's description of an image makes.
pub(super) fn current(store: &Store, image: &Image) -> GoldenFolder {
    GoldenFolder::new(store, &image.name, GoldenRecipe::of(image, None).key())
}

/// The folders that are wanted today: what the archive offers, and what `--locked` takes.
pub(super) fn wanted(store: &Store, image: &Image) -> Result<Vec<GoldenFolder>, ImageError> {
    let locked = lock::text_of(store, image)?.map(|text| GoldenRecipe::of(image, Some(&text)));
    let recipes = [Some(GoldenRecipe::of(image, None)), locked].into_iter().flatten();
    Ok(recipes.map(|recipe| GoldenFolder::new(store, &image.name, recipe.key())).collect())
}

/// The name of a golden machine's folder.
pub(super) fn key(folder: &GoldenFolder) -> String {
    folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The keys of all golden machines in an image's folder, sorted: 16 hex digits each.
pub(super) fn keys(image: &Path) -> Result<Vec<String>, ImageError> {
    let mut keys = Vec::new();
    for name in names(image)? {
        if name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            keys.push(name);
        }
    }
    Ok(keys)
}

/// The names in a folder, sorted; none if there is no folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, ImageError> {
    let mut names = Vec::new();
    if folder.is_dir() {
        for entry in fs_err::read_dir(folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn golden(folder: &GoldenFolder, role: Role) -> Result<Option<GoldenInventory>, ImageError> {
    let Some(seal) = folder.seal(role)? else { return Ok(None) };
    let package_list = folder.packages(role);
    let disk = folder.disk(role);
    let disk = if disk.is_file() { Some(disk_inventory(disk)?) } else { None };
    Ok(Some(GoldenInventory {
        role: role.word(),
        digest: seal.digest,
        made: seal.made,
        archive: seal.archive,
        packages: fs_err::read_to_string(&package_list)?.lines().count(),
        package_list,
        disk,
    }))
}

fn disk_inventory(path: PathBuf) -> Result<DiskInventory, ImageError> {
    let blocks_sha256 = record::of(&path)?.map(|record| record.blocks_sha256);
    Ok(DiskInventory { bytes: bytes_on_disk(&path), blocks_sha256, path })
}

/// Bytes that a file or a tree takes on disk, each file once. A folder that only its guest's users may list counts
/// as empty: an ordinary user's number is a little low.
pub(super) fn bytes_on_disk(path: &Path) -> u64 {
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
    fn an_empty_store_knows_every_image_and_has_none() {
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
