//! Lock files: the repository's, which are part of the program, and the user's own in the store.

use crate::embedded::{LOCKS, lookup};
use crate::{Image, ImageError};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use vmbuild_core::store::{Store, write_atomically};
use vmbuild_packages::{PackageCache, PackageLock};

/// A lock's name.
fn stem(image: &str, architecture: &str) -> String {
    format!("{image}-{architecture}")
}

/// A lock's file name.
fn file_name(image: &str, architecture: &str) -> String {
    format!("{}.toml", stem(image, architecture))
}

/// The path of an image's lock for this architecture in a folder of locks: `images/locks` in a clone, or
/// [`Store::locks`].
pub(super) fn path_in(folder: &Path, image: &str) -> PathBuf {
    folder.join(file_name(image, std::env::consts::ARCH))
}

/// The text of the image's lock for this architecture: the user's own from the store, else the program's.
pub(crate) fn lock_text(store: &Store, image: &Image) -> io::Result<Option<String>> {
    match fs_err::read_to_string(path_in(&store.locks(), &image.name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(embedded(&image.name).map(str::to_owned)),
        read => read.map(Some),
    }
}

fn embedded(image: &str) -> Option<&'static str> {
    lookup(LOCKS, &stem(image, std::env::consts::ARCH))
}

/// The image's lock for this architecture, if there is one.
pub fn find_lock(store: &Store, image: &Image) -> Result<Option<PackageLock>, ImageError> {
    let name = || format!("the lock {}", file_name(&image.name, std::env::consts::ARCH));
    let text = lock_text(store, image)?;
    Ok(text.map(|text| PackageLock::parse(&text, &name())).transpose()?)
}

/// Writes a lock into a folder of locks and returns its path.
pub fn write_lock(folder: &Path, lock: &PackageLock) -> Result<PathBuf, ImageError> {
    fs_err::create_dir_all(folder)?;
    let path = folder.join(file_name(&lock.image, &lock.architecture));
    write_atomically(&path, lock.to_text().as_bytes())?;
    Ok(path)
}

/// The cached packages that no lock names: neither `locks`, nor an image's, nor the last resolved packages.
pub(crate) fn unreferenced_packages(store: &Store, locks: &[PackageLock]) -> Result<Vec<PathBuf>, ImageError> {
    let cache = PackageCache::of(store)?;
    let mut needed = HashSet::new();
    let mut need = |lock: &PackageLock| needed.extend(lock.all().map(|package| package.sha256.to_string()));
    locks.iter().for_each(&mut need);
    for name in Image::names(store)? {
        find_lock(store, &Image::load(&name, store)?)?.iter().for_each(&mut need);
    }
    let last = cache.file("last");
    let entries = if last.is_dir() { fs_err::read_dir(last)?.collect() } else { Vec::new() };
    for entry in entries {
        // A malformed one is ignored, as it is when it is used.
        let text = fs_err::read_to_string(entry?.path())?;
        PackageLock::parse(&text, "the last resolved packages").iter().for_each(&mut need);
    }
    Ok(cache.others(&needed)?)
}

#[cfg(test)]
mod tests {
    use super::{LOCKS, PackageLock, stem};
    use crate::{GoldenRole, Image};

    #[test]
    fn embedded_locks_are_formatted_as_written() {
        for (name, text) in LOCKS.iter().copied() {
            let lock = PackageLock::parse(text, name).expect("a lock");
            assert_eq!(stem(&lock.image, &lock.architecture), name);
            assert_eq!(lock.to_text(), text, "{name}");
            let lists = Image::find(&lock.image).and_then(|image| image.lists()).expect("an embedded image");
            let has =
                |role: GoldenRole, wanted: &str| role.packages_in(&lock).iter().any(|package| package.name == wanted);
            assert!(lists.runtime.iter().all(|wanted| has(GoldenRole::Clean, wanted)), "{name} lacks a listed package");
            assert!(lists.cpython.iter().all(|wanted| has(GoldenRole::Build, wanted)), "{name} lacks a listed package");
        }
    }
}
