//! The tree as the archive will hold it: sorted, with hard links found and modes normalised.

use crate::entry::InsidePath;
use crate::error::{ArchiveError, EntryRefusal, io};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One future entry.
#[derive(Debug)]
pub(crate) struct TreeNode {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) kind: WalkedKind,
}

#[derive(Debug)]
pub(crate) enum WalkedKind {
    Folder,
    File {
        bytes: u64,
        executable: bool,
    },
    /// To the path of an earlier node.
    HardLink(PathBuf),
    Symlink(PathBuf),
}

/// Everything below the root, sorted by the bytes of the path: a folder comes before its contents.
pub(crate) fn walk(root: &Path) -> Result<Vec<TreeNode>, ArchiveError> {
    let mut found = Vec::new();
    collect(root, Path::new(""), &mut found)?;
    found.sort_by(|one, other| one.0.as_os_str().as_bytes().cmp(other.0.as_os_str().as_bytes()));
    let mut first = BTreeMap::new();
    found.into_iter().map(|(path, metadata)| node(root, path, &metadata, &mut first)).collect()
}

fn collect(root: &Path, below: &Path, found: &mut Vec<(PathBuf, Metadata)>) -> Result<(), ArchiveError> {
    let folder = root.join(below);
    for item in fs_err::read_dir(&folder).map_err(io("list", &folder))? {
        let item = item.map_err(io("list", &folder))?;
        let path = below.join(item.file_name());
        let metadata = item.metadata().map_err(io("look at", &item.path()))?;
        if metadata.is_dir() {
            collect(root, &path, found)?;
        }
        found.push((path, metadata));
    }
    Ok(())
}

/// The first path of each file, by device and inode.
type FirstPaths = BTreeMap<(u64, u64), PathBuf>;

fn node(root: &Path, path: PathBuf, metadata: &Metadata, first: &mut FirstPaths) -> Result<TreeNode, ArchiveError> {
    let kind = if metadata.is_dir() {
        WalkedKind::Folder
    } else if metadata.is_symlink() {
        WalkedKind::Symlink(link_target(root, &path)?)
    } else if metadata.is_file() {
        file(&path, metadata, first)
    } else {
        return Err(refused(root, &path, EntryRefusal::Kind));
    };
    Ok(TreeNode { path, kind })
}

fn file(path: &Path, metadata: &Metadata, first: &mut FirstPaths) -> WalkedKind {
    // The owner's bit alone: a umask never takes that one.
    let file = WalkedKind::File { bytes: metadata.len(), executable: metadata.mode() & 0o100 != 0 };
    if metadata.nlink() == 1 {
        return file;
    }
    match first.entry((metadata.dev(), metadata.ino())) {
        Entry::Occupied(earlier) => WalkedKind::HardLink(earlier.get().clone()),
        Entry::Vacant(place) => {
            place.insert(path.to_owned());
            file
        }
    }
}

/// Reads a link and applies the rule of unpacking: no archive is packed that unpacking would refuse.
fn link_target(root: &Path, path: &Path) -> Result<PathBuf, ArchiveError> {
    let target = fs_err::read_link(root.join(path)).map_err(io("read the link", path))?;
    let judged = InsidePath::new(path).and_then(|inside| inside.judge_symlink(&target));
    judged.map(|()| target).map_err(|why| refused(root, path, why))
}

fn refused(root: &Path, path: &Path, why: EntryRefusal) -> ArchiveError {
    ArchiveError::Refused { archive: root.to_owned(), entry: path.display().to_string(), why }
}
