//! Image descriptions: `images/<name>.toml`, a file the user names, or one in the store's `images.d`.

mod error;
mod image;

pub use error::DescriptionError;
pub use image::{Image, ImagePackages, ImageSource, KernelSource};
