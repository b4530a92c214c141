//! The steps' logs, in an entry of the cache.

use super::{KeptBuild, unless_missing};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use vmbuild_archive::Sha256;

/// The steps' logs in a folder, with their digests.
pub(super) fn in_folder(folder: &Path) -> io::Result<BTreeMap<String, Sha256>> {
    let mut logs = BTreeMap::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|_| path.extension() == Some("log".as_ref())) {
            logs.insert(name.to_owned(), vmbuild_archive::sha256_file(&path)?.1.into());
        }
    }
    Ok(logs)
}

/// Copies them into a new entry.
pub(super) fn put(from: &Path, kept: &KeptBuild, entry: &Path) -> io::Result<()> {
    fs_err::create_dir(entry)?;
    for name in kept.logs.keys() {
        fs_err::copy(from.join(name), entry.join(name))?;
    }
    Ok(())
}

/// Copies them out of an entry; says whether each is what was kept.
pub(super) fn take(entry: &Path, kept: &KeptBuild, to: &Path) -> io::Result<bool> {
    for (name, expected) in &kept.logs {
        let copy = to.join(name);
        if unless_missing(fs_err::copy(entry.join(name), &copy))?.is_none() {
            return Ok(false);
        }
        if Sha256::from(vmbuild_archive::sha256_file(&copy)?.1) != *expected {
            fs_err::remove_file(copy)?;
            return Ok(false);
        }
    }
    Ok(true)
}
