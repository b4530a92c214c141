//! Listing a tree.

use crate::failure::{failure, io_failure};
use crate::request::RequestContext;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use vmbuild_protocol::{Entry, EntryKind, FailureKind, List, Progress, RequestFailure};

/// Entries sent at a time: with the longest names and links they still fit into a frame.
const BATCH: usize = 64;

/// Sends every entry of a tree, each folder before its contents, in the order of their names. A path that does not exist
/// has no entries.
pub async fn list(request: &RequestContext, order: &List) -> Result<(), RequestFailure> {
    let root = Path::new(&order.path);
    let about = match fs_err::metadata(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        about => about.map_err(|error| io_failure(&error))?,
    };
    let mut open = vec![(PathBuf::new(), about, 0)];
    let mut batch = Vec::new();
    while let Some((path, about, depth)) = open.pop() {
        request.check_cancelled()?;
        batch.push(entry(root, &path, &about)?);
        if about.is_dir() && depth < order.depth {
            let held = children(root, &path)?;
            open.extend(held.into_iter().map(|(path, about)| (path, about, depth + 1)));
        }
        if batch.len() == BATCH || open.is_empty() {
            request.send_progress(Progress::Listed(std::mem::take(&mut batch))).await;
        }
    }
    Ok(())
}

/// A folder's entries, last name first: the caller takes them from the end.
fn children(root: &Path, path: &Path) -> Result<Vec<(PathBuf, Metadata)>, RequestFailure> {
    let mut held = Vec::new();
    for found in fs_err::read_dir(root.join(path)).map_err(|error| io_failure(&error))? {
        let found = found.map_err(|error| io_failure(&error))?;
        let about = fs_err::symlink_metadata(found.path()).map_err(|error| io_failure(&error))?;
        held.push((path.join(found.file_name()), about));
    }
    held.sort_by(|(one, _), (other, _)| other.cmp(one));
    Ok(held)
}

fn entry(root: &Path, path: &Path, about: &Metadata) -> Result<Entry, RequestFailure> {
    let kind = if about.is_dir() {
        EntryKind::Folder
    } else if about.is_file() {
        EntryKind::File { bytes: about.len() }
    } else if about.is_symlink() {
        let target = fs_err::read_link(root.join(path)).map_err(|error| io_failure(&error))?;
        EntryKind::Link { target: text(&target)? }
    } else {
        EntryKind::Other
    };
    Ok(Entry { path: text(path)?, mode: about.permissions().mode() & 0o7777, kind })
}

fn text(path: &Path) -> Result<String, RequestFailure> {
    let named = || failure(FailureKind::Io, format!("the name `{}` is not UTF-8", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(named)
}
