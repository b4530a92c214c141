//! `image list`: the known images, and what the store has of them.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_image::{ImageInventory, inventory};

/// Lists every known image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageListRequest;

/// The known images.
#[derive(Debug)]
pub struct ImageListOutcome {
    /// All of them, by name.
    pub images: Vec<ImageInventory>,
}

/// Lists every known image.
pub async fn list(context: &Context, _request: ImageListRequest) -> Result<ImageListOutcome, Failure> {
    sweep(context).await?;
    Ok(ImageListOutcome { images: inventory(&context.store)? })
}
