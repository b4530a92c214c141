//! `image show`: everything about one image.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_image::{Image, ImageInventory, description, inventory_of};
use vmbuild_packages::PackageLists;

/// An image to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageShowRequest {
    /// Name of the image, or path of an image file.
    pub image: String,
}

/// Everything about one image.
#[derive(Debug)]
pub struct ImageShowOutcome {
    /// Its description, as JSON.
    pub description: serde_json::Value,
    /// The packages it asks for.
    pub packages: PackageLists,
    /// The parts of it that are in the store.
    pub inventory: ImageInventory,
}

/// Describes one image.
pub async fn show(context: &Context, request: ImageShowRequest) -> Result<ImageShowOutcome, Failure> {
    sweep(context).await?;
    let inventory = inventory_of(&context.store, &request.image)?;
    let description = description(&context.store, &request.image)?;
    let packages = Image::load(&request.image, &context.store)?.lists()?;
    Ok(ImageShowOutcome { description, packages, inventory })
}
