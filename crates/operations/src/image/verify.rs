//! `image verify`: compares an image's files with what was recorded of them.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_image::{VerifiedItem, VerifyOutcome, verify as verify_image};

/// An image to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageVerifyRequest {
    /// Name of the image, or path of an image file.
    pub image: String,
}

/// The comparisons that were made.
#[derive(Debug)]
pub struct ImageVerifyOutcome {
    /// All of them, in order.
    pub items: Vec<VerifiedItem>,
}

impl ImageVerifyOutcome {
    /// True if nothing differs.
    pub fn passed(&self) -> bool {
        self.items.iter().all(|item| item.outcome != VerifyOutcome::Fail)
    }
}

/// Hashes an image's files again and compares them with what was recorded.
pub async fn verify(context: &Context, request: ImageVerifyRequest) -> Result<ImageVerifyOutcome, Failure> {
    sweep(context).await?;
    let Context { store, events, cancel } = context;
    Ok(ImageVerifyOutcome { items: verify_image(store, &request.image, events, cancel).await? })
}
