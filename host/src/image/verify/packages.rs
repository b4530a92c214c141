//! The packages of a golden machine: that they are those of its list.

use super::Item;
use crate::image::folder::Folder;
use crate::image::packages::{installed_in, list};
use crate::image::{ImageError, Role};
use vmbuild_protocol::Package;

/// What dpkg's database says is installed for a role.
pub(super) fn installed(folder: &Folder, role: Role) -> Result<Vec<Package>, ImageError> {
    Ok(installed_in(&match role {
        Role::Build => folder.layer(),
        Role::Clean => folder.clean(),
    })?)
}

/// The list that was written when the golden machine was sealed, against dpkg's database.
pub(super) fn listed(folder: &Folder, role: Role) -> Result<Item, ImageError> {
    let now = list(&installed(folder, role)?);
    let recorded = fs_err::read_to_string(folder.packages(role))?;
    let evidence = format!("{} installed", now.lines().count());
    Ok(Item::compared(role.word(), "packages", now == recorded, &evidence))
}
