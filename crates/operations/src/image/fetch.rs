//! `image fetch`: downloads what an image is made from, without making anything of it.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_image::{CloudDisk, Image, ImageSource, fetch_cloud_disk, fetch_packages};

/// An image to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFetchRequest {
    /// Name of the image, or path of an image file.
    pub image: String,
}

/// An image whose base is in the store.
#[derive(Debug)]
pub struct ImageFetchOutcome {
    /// The image's name.
    pub image: String,
    /// Its base.
    pub base: FetchedBase,
}

/// The base of an image.
#[derive(Debug)]
pub enum FetchedBase {
    /// The packages of an image that is bootstrapped.
    Packages {
        /// How many.
        count: usize,
        /// The `Date` of the archive's signed index.
        release: String,
    },
    /// A publisher's disk.
    Disk(Box<CloudDisk>),
}

/// Downloads a publisher's disk, or the packages of an image that is bootstrapped, unless the store has them already.
pub async fn fetch(context: &Context, request: ImageFetchRequest) -> Result<ImageFetchOutcome, Failure> {
    sweep(context).await?;
    let Context { store, events, cancel } = context;
    let image = Image::load(&request.image, store)?;
    let base = match &image.source {
        ImageSource::Bootstrap { .. } => {
            let lock = fetch_packages(store, &image, events, cancel).await?;
            let count = lock.all().count();
            events.note(Part::Image, format!("{count} packages of {} are in the store", lock.release));
            FetchedBase::Packages { count, release: lock.release }
        }
        ImageSource::CloudImage(_) => {
            FetchedBase::Disk(Box::new(fetch_cloud_disk(&image, store, events, cancel).await?))
        }
    };
    Ok(ImageFetchOutcome { image: image.name, base })
}
