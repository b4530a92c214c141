//! Whether what is in the store is still what was put there.

mod item;

pub use item::{VerifiedItem, VerifyOutcome};

use super::folder::{GoldenFolder, Seal, UNFINISHED};
use super::inventory::current;
use super::packages::{installed_in, list, parse_list};
use super::recipe::GoldenRecipe;
use super::{Image, ImageError, Role, digest, record, usage};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_core::store::Store;
use vmbuild_protocol::Package;

/// How many names an answer holds.
const SHOWN: usize = 3;

/// Hashes again what is here of an image, and compares it with its seals and records.
pub async fn verify(
    store: &Store,
    image: &str,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Vec<VerifiedItem>, ImageError> {
    let image = Image::load(image, store)?;
    let folder = current(store, &image);
    let _using = usage::hold(&folder).await?;
    let running = events.phase(Part::Image, "verify", &image.name);
    let mut items = Vec::new();
    for role in [Role::Clean, Role::Build] {
        let Some(seal) = folder.seal(role)? else { continue };
        running.advance(items.len() as u64, None, Unit::Lines, role.word());
        items.extend(sealed(&image, &folder, role, &seal, cancel).await?);
    }
    if items.is_empty() {
        return Err(ImageError::NotHere { image: image.name });
    }
    items.push(kernel(&folder)?);
    let failed = items.iter().filter(|item| item.outcome == VerifyOutcome::Fail).count();
    running.finish(format!("{} compared, {failed} differ", items.len()));
    Ok(items)
}

async fn sealed(
    image: &Image,
    folder: &GoldenFolder,
    role: Role,
    seal: &Seal,
    cancel: &CancellationToken,
) -> Result<Vec<VerifiedItem>, ImageError> {
    let recorded = || io::Result::Ok(parse_list(&fs_err::read_to_string(folder.packages(role))?));
    let (listed, installed) = match installed_in(&folder.uppermost(role)) {
        Ok(installed) => (listed(folder, role, &installed)?, installed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (VerifiedItem::absent(role.word(), "packages", "only a machine of it can read rpm's database"), recorded()?)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(vec![
        listed,
        identity(image, role, seal, &installed),
        tree(folder, role, seal, cancel).await?,
        disk(folder, role).await?,
    ])
}

/// The list that was written when the golden machine was sealed, against dpkg's database.
fn listed(folder: &GoldenFolder, role: Role, installed: &[Package]) -> Result<VerifiedItem, ImageError> {
    let now = list(installed);
    let recorded = fs_err::read_to_string(folder.packages(role))?;
    let evidence = format!("{} installed", now.lines().count());
    Ok(VerifiedItem::compared(role.word(), "packages", now == recorded, &evidence))
}

/// The digest that names the golden machine follows from its recipe and its packages.
fn identity(image: &Image, role: Role, seal: &Seal, installed: &[Package]) -> VerifiedItem {
    let digest = GoldenRecipe::of(image, None).made(role, installed);
    let same = digest == seal.digest && seal.image == image.name;
    VerifiedItem::compared(role.word(), "seal", same, &seal.digest)
}

/// Every entry of the tree: kind, mode, owner, time, content.
async fn tree(
    folder: &GoldenFolder,
    role: Role,
    seal: &Seal,
    cancel: &CancellationToken,
) -> Result<VerifiedItem, ImageError> {
    let Some(sealed) = &seal.root_digest else {
        return Ok(VerifiedItem::absent(role.word(), "tree", "was sealed before trees were listed"));
    };
    let list = folder.path().join(format!("{UNFINISHED}files.txt"));
    let now = digest::role_digest_into(folder, role, &list, cancel).await?;
    let evidence = if now == *sealed { now.clone() } else { differences(&folder.list(role), &list)? };
    fs_err::remove_file(list)?;
    Ok(VerifiedItem::compared(role.word(), "tree", now == *sealed, &evidence))
}

/// The names of entries that only one of two lists has as it is, a few of them.
fn differences(sealed: &Path, now: &Path) -> Result<String, ImageError> {
    let read = |list: &Path| fs_err::read_to_string(list);
    let (sealed, now) = (read(sealed)?, read(now)?);
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (sealed.lines().collect(), now.lines().collect());
    let names: BTreeSet<&str> = before.symmetric_difference(&after).map(|line| digest::name_in(line)).collect();
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    Ok(format!("{} differ: {}{more}", names.len(), shown.join(", ")))
}

async fn disk(folder: &GoldenFolder, role: Role) -> Result<VerifiedItem, ImageError> {
    let disk = folder.disk(role);
    if !disk.is_file() {
        return Ok(VerifiedItem::absent(role.word(), "disk", "not made yet"));
    }
    let Some(record) = record::of(&disk)? else {
        return Ok(VerifiedItem::absent(role.word(), "disk", "was made before disks were recorded"));
    };
    let now = record::look_at(&disk).await?;
    Ok(VerifiedItem::compared(role.word(), "disk", now == record, &now.blocks_sha256))
}

fn kernel(folder: &GoldenFolder) -> Result<VerifiedItem, ImageError> {
    let kernel = folder.kernel();
    let recorded = match fs_err::read_to_string(kernel.join(record::SUMS)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(VerifiedItem::absent("both", "kernel", "was unpacked before kernels were recorded"));
        }
        Err(error) => return Err(error.into()),
    };
    let now = record::sums(&kernel)?;
    let changed = now.lines().filter(|line| !recorded.lines().any(|known| known == *line));
    let changed: Vec<&str> = changed.filter_map(|line| line.split_once("  ")).map(|(_, name)| name).collect();
    let evidence = match (changed.is_empty(), now == recorded) {
        (true, true) => format!("{} files", now.lines().count()),
        (true, false) => "files are missing".to_owned(),
        (false, _) => changed.join(", "),
    };
    Ok(VerifiedItem::compared("both", "kernel", now == recorded, &evidence))
}
