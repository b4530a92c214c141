//! `image update`: moves a cloud image's pin to its publisher's newest release.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_image::{CloudSettings, PinUpdate, update_pin};

/// An image to update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUpdateRequest {
    /// Name of the image, or path of an image file.
    pub image: String,
}

/// Finds the publisher's newest release, verifies its signature, and writes it into the image's description.
pub async fn update(context: &Context, request: ImageUpdateRequest) -> Result<PinUpdate, Failure> {
    sweep(context).await?;
    let Context { store, events, cancel } = context;
    Ok(update_pin(&request.image, store, &CloudSettings::from_env(), events, cancel).await?)
}
