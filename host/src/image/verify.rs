//! Whether what is in the store is still what was put there.

mod item;
mod packages;

pub use item::{Item, Outcome};

use super::folder::{Folder, Seal};
use super::inventory::current;
use super::recipe::Recipe;
use super::{Image, ImageError, Role, record, usage};
use crate::event::{Events, Part, Unit};
use crate::store::Store;
use tokio_util::sync::CancellationToken;

/// Hashes again what is here of an image, and compares it with its seals and records.
pub async fn verify(
    store: &Store,
    image: &str,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Vec<Item>, ImageError> {
    let image = Image::find(image)?;
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
    let failed = items.iter().filter(|item| item.outcome == Outcome::Fail).count();
    running.finish(format!("{} compared, {failed} differ", items.len()));
    Ok(items)
}

async fn sealed(
    image: &Image,
    folder: &Folder,
    role: Role,
    seal: &Seal,
    cancel: &CancellationToken,
) -> Result<Vec<Item>, ImageError> {
    Ok(vec![
        packages::listed(folder, role)?,
        identity(image, folder, role, seal)?,
        packages::files(image, folder, role, cancel).await?,
        disk(folder, role).await?,
    ])
}

/// The digest that names the golden machine follows from its recipe and its packages.
fn identity(image: &Image, folder: &Folder, role: Role, seal: &Seal) -> Result<Item, ImageError> {
    let installed = packages::installed(folder, role)?;
    let digest = Recipe::of(image).made(role, &installed);
    let same = digest == seal.digest && seal.image == image.name;
    Ok(Item::compared(role.word(), "seal", same, &seal.digest))
}

async fn disk(folder: &Folder, role: Role) -> Result<Item, ImageError> {
    let disk = folder.disk(role);
    if !disk.is_file() {
        return Ok(Item::absent(role.word(), "disk", "not made yet"));
    }
    let Some(record) = record::of(&disk)? else {
        return Ok(Item::absent(role.word(), "disk", "was made before disks were recorded"));
    };
    let now = record::look_at(&disk).await?;
    Ok(Item::compared(role.word(), "disk", now == record, &now.blocks_sha256))
}

fn kernel(folder: &Folder) -> Result<Item, ImageError> {
    let kernel = folder.kernel();
    let recorded = match fs_err::read_to_string(kernel.join(record::SUMS)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Item::absent("both", "kernel", "was unpacked before kernels were recorded"));
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
    Ok(Item::compared("both", "kernel", now == recorded, &evidence))
}
