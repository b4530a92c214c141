//! Official cloud images: fetched, verified and cached.
//!
//! The problem: the base of every build comes from a publisher's server, under a name that refers to other bytes next
//! month, and is deleted some months later. So a description pins one dated release by its digest; the digest decides,
//! wherever the bytes come from. The publisher's signature proves that the pin is the publisher's: it is verified
//! whenever an image is fetched, and when a pin is moved.
//!
//! * `description`: the publisher's part of an image's TOML. `digest`, `checksum_list`, `keyrings`: its verification.
//! * `publisher`: the signed list of checksums. `fetch`, `cache`, `record`: from the publisher into the store.
//! * `releases`, `update`, `description_file`: moving a pin to the newest release.
//!
//! An image in the store is hashed again before use, without the network.

mod cache;
mod checksum_list;
mod description;
mod description_file;
mod digest;
mod error;
mod fetch;
mod keyrings;
mod publisher;
mod record;
mod releases;
mod settings;
#[cfg(test)]
mod tests;
mod update;

pub(super) use cache::{folders, remove_if_idle};
pub use description::{CloudFile, CloudImage, DiskFormat, ReleaseListing, SumsSignature};
pub(super) use description_file::{description_names, find_description};
pub use digest::FileDigest;
pub use error::CloudError;
pub(super) use fetch::folder_of;
pub use fetch::{CloudDisk, cached, fetch, fetch_with};
pub use record::{CloudRecord, PinProvenance};
pub use settings::CloudSettings;
pub use update::{PinUpdate, update};
