//! Making folders and symbolic links.

use crate::failure::io_failure;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use vmbuild_protocol::{Make, NewEntry, RequestFailure};

/// Creates a folder or a symbolic link.
pub fn make(order: &Make) -> Result<(), RequestFailure> {
    let path = Path::new(&order.path);
    match &order.what {
        NewEntry::Folder { mode } => folder(path, *mode),
        NewEntry::Link { target } => link(path, Path::new(target)),
    }
    .map_err(|error| io_failure(&error))
}

fn folder(path: &Path, mode: u32) -> io::Result<()> {
    if !path.is_dir() {
        fs_err::create_dir_all(path)?;
    }
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o7777))
}

/// A folder in its place is kept: removing it would remove files that the request does not name.
fn link(path: &Path, target: &Path) -> io::Result<()> {
    match symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs_err::remove_file(path)?;
            symlink(target, path).map_err(|error| named(path, &error))
        }
        made => made.map_err(|error| named(path, &error)),
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to make the link `{}`: {error}", path.display()))
}
