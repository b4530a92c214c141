//! Verification of the store: images are compared with their seals and checksums.

mod item;

pub use item::{VerifiedItem, VerifyOutcome};

use super::inventory::current;
use crate::golden::folder::{GoldenFolder, GoldenSeal, UNFINISHED};
use crate::golden::recipe::GoldenRecipe;
use crate::golden::{GoldenError, checksums, digest, use_lock};
use crate::{GoldenRole, Image, ImageError};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_core::store::Store;
use vmbuild_packages::{format_packages, installed_packages, parse_packages};
use vmbuild_protocol::Package;

/// Names shown of those that differ.
const SHOWN: usize = 3;

/// Hashes an image's files in the store and compares them with their seals and checksums.
pub async fn verify(
    store: &Store,
    image: &str,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Vec<VerifiedItem>, ImageError> {
    let image = Image::load(image, store)?;
    let folder = current(store, &image);
    let _using = use_lock::acquire_use(&folder).await?;
    let running = events.phase(Part::Image, "verify", &image.name);
    let mut items = Vec::new();
    for role in [GoldenRole::Clean, GoldenRole::Build] {
        let Some(seal) = folder.seal(role)? else { continue };
        running.advance(items.len() as u64, None, Unit::Lines, role.as_str());
        items.extend(sealed(&image, &folder, role, &seal, cancel).await?);
    }
    if items.is_empty() {
        return Err(GoldenError::NotFound { image: image.name }.into());
    }
    items.push(kernel(&folder)?);
    let failed = items.iter().filter(|item| item.outcome == VerifyOutcome::Fail).count();
    running.finish(format!("{} compared, {failed} differ", items.len()));
    Ok(items)
}

async fn sealed(
    image: &Image,
    folder: &GoldenFolder,
    role: GoldenRole,
    seal: &GoldenSeal,
    cancel: &CancellationToken,
) -> Result<Vec<VerifiedItem>, ImageError> {
    let recorded = || io::Result::Ok(parse_packages(&fs_err::read_to_string(folder.packages(role))?));
    let (listed, installed) = match installed_packages(&folder.uppermost(role)) {
        Ok(installed) => (listed(folder, role, &installed)?, installed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (
            VerifiedItem::absent(role.as_str(), "packages", "rpm's database can only be read inside the machine"),
            recorded()?,
        ),
        Err(error) => return Err(error.into()),
    };
    Ok(vec![
        listed,
        identity(image, role, seal, &installed),
        tree(folder, role, seal, cancel).await?,
        disk(folder, role).await?,
    ])
}

/// Compares the package list of the sealed golden machine with dpkg's database.
fn listed(folder: &GoldenFolder, role: GoldenRole, installed: &[Package]) -> Result<VerifiedItem, ImageError> {
    let now = format_packages(installed);
    let recorded = fs_err::read_to_string(folder.packages(role))?;
    let evidence = format!("{} installed", now.lines().count());
    Ok(VerifiedItem::compared(role.as_str(), "packages", now == recorded, &evidence))
}

/// Compares the golden machine's digest with that of its recipe and its packages.
fn identity(image: &Image, role: GoldenRole, seal: &GoldenSeal, installed: &[Package]) -> VerifiedItem {
    let digest = GoldenRecipe::of(image, None).identity(role, installed);
    let same = digest == seal.digest && seal.image == image.name;
    VerifiedItem::compared(role.as_str(), "seal", same, &seal.digest)
}

/// Every entry of the tree: kind, mode, owner, time, content.
async fn tree(
    folder: &GoldenFolder,
    role: GoldenRole,
    seal: &GoldenSeal,
    cancel: &CancellationToken,
) -> Result<VerifiedItem, ImageError> {
    let Some(sealed) = &seal.root_digest else {
        return Ok(VerifiedItem::absent(role.as_str(), "tree", "sealed by a vmbuild that did not list trees"));
    };
    let list = folder.path().join(format!("{UNFINISHED}files.txt"));
    let now = digest::role_digest_into(folder, role, &list, cancel).await?;
    let evidence = if now == *sealed { now.clone() } else { differences(&folder.list(role), &list)? };
    fs_err::remove_file(list)?;
    Ok(VerifiedItem::compared(role.as_str(), "tree", now == *sealed, &evidence))
}

/// The first names of entries that differ between two lists.
fn differences(sealed: &Path, now: &Path) -> Result<String, ImageError> {
    let read = |list: &Path| fs_err::read_to_string(list);
    let (sealed, now) = (read(sealed)?, read(now)?);
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (sealed.lines().collect(), now.lines().collect());
    let names: BTreeSet<&str> = before.symmetric_difference(&after).map(|line| digest::name_in(line)).collect();
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    Ok(format!("{} differ: {}{more}", names.len(), shown.join(", ")))
}

async fn disk(folder: &GoldenFolder, role: GoldenRole) -> Result<VerifiedItem, ImageError> {
    let disk = folder.disk(role);
    if !disk.is_file() {
        return Ok(VerifiedItem::absent(role.as_str(), "disk", "not made yet"));
    }
    let Some(record) = checksums::read_disk_record(&disk)? else {
        return Ok(VerifiedItem::absent(role.as_str(), "disk", "made by a vmbuild that did not record disks"));
    };
    let now = checksums::compute_disk_record(&disk).await?;
    Ok(VerifiedItem::compared(role.as_str(), "disk", now == record, &now.blocks_sha256))
}

fn kernel(folder: &GoldenFolder) -> Result<VerifiedItem, ImageError> {
    let kernel = folder.kernel();
    let recorded = match fs_err::read_to_string(kernel.join(checksums::SUMS)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(VerifiedItem::absent("both", "kernel", "unpacked by a vmbuild that did not record kernels"));
        }
        Err(error) => return Err(error.into()),
    };
    let now = checksums::kernel_sums(&kernel)?;
    let changed = now.lines().filter(|line| !recorded.lines().any(|known| known == *line));
    let changed: Vec<&str> = changed.filter_map(|line| line.split_once("  ")).map(|(_, name)| name).collect();
    let evidence = match (changed.is_empty(), now == recorded) {
        (true, true) => format!("{} files", now.lines().count()),
        (true, false) => "files are missing".to_owned(),
        (false, _) => changed.join(", "),
    };
    Ok(VerifiedItem::compared("both", "kernel", now == recorded, &evidence))
}
