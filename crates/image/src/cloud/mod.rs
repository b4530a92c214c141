//! Official cloud images: fetched, verified and kept.
//!
//! The problem: the image that everything is built in comes from somebody else's server, under a name that means other
//! bytes next month, and is gone some months later. So a description pins one dated release by its digest; the digest
//! decides, wherever the bytes came from. The publisher's signature says that the pin is what the publisher meant: it
//! is checked whenever an image is fetched and its list of checksums is still there, and always when a pin is moved.
//!
//! * `description`: what an image's TOML says. `digest`, `sums`, `keyrings`: what is compared with what.
//! * `publisher`: the signed list of checksums. `fetch`, `cache`, `record`: from the publisher into the store.
//! * `newest`, `update`, `place`: moving a pin to the newest release.
//!
//! An image that is in the store is hashed again and used; no network is touched then.

mod cache;
mod description;
mod digest;
mod error;
mod fetch;
mod keyrings;
mod newest;
mod place;
mod publisher;
mod record;
mod settings;
mod sums;
#[cfg(test)]
mod tests;
mod update;

pub(super) use cache::{folders, remove_if_idle};
pub use description::{CloudFile, CloudImage, DiskFormat, Listing, SumsSignature};
pub use digest::FileDigest;
pub use error::CloudError;
pub(super) use fetch::folder_of;
pub use fetch::{CloudDisk, fetch, fetch_with, kept};
pub(super) use place::{named, text_of};
pub use record::{CloudRecord, VouchedPin};
pub use settings::CloudSettings;
pub use update::{Updated, update};
