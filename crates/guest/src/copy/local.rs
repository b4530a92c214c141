//! Entries of a tree on this host, in the same form as the agent lists those of the guest.

use super::{CopyDepth, CopyError};
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use vmbuild_protocol::{Entry, EntryKind};

/// Every entry of a tree, each folder before its contents. A link at `root` itself is followed.
pub(super) fn list(root: &Path, depth: CopyDepth) -> Result<Vec<Entry>, CopyError> {
    let mut open = vec![(PathBuf::new(), fs_err::metadata(root)?)];
    let mut entries = Vec::new();
    while let Some((path, about)) = open.pop() {
        entries.push(entry(root, &path, &about)?);
        if about.is_dir() && depth == CopyDepth::Tree {
            let mut held = Vec::new();
            for found in fs_err::read_dir(root.join(&path))? {
                let found = found?;
                held.push((path.join(found.file_name()), fs_err::symlink_metadata(found.path())?));
            }
            held.sort_by(|(one, _), (other, _)| other.cmp(one));
            open.extend(held);
        }
    }
    Ok(entries)
}

fn entry(root: &Path, path: &Path, about: &Metadata) -> Result<Entry, CopyError> {
    let kind = if about.is_dir() {
        EntryKind::Folder
    } else if about.is_file() {
        EntryKind::File { bytes: about.len() }
    } else if about.is_symlink() {
        EntryKind::Link { target: text(&fs_err::read_link(root.join(path))?)? }
    } else {
        EntryKind::Other
    };
    Ok(Entry { path: text(path)?, mode: about.permissions().mode() & 0o7777, kind })
}

fn text(path: &Path) -> Result<String, CopyError> {
    path.to_str().map(str::to_owned).ok_or_else(|| CopyError::NotUtf8(path.to_owned()))
}
