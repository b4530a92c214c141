//! The packages of an image, to the byte.
//!
//! A lock file (`files`) says which packages the image had when the lock was written. A later run warns about drift or,
//! with `--locked`, accepts nothing else (`policy`).
//!
//! The packages of a bootstrapped image are resolved by the host's apt (`host`), those of a cloud image by the image's
//! own package manager, which knows its archives and their keys (`guest`).

mod error;
mod files;
mod guest;
mod host;
mod policy;

#[cfg(test)]
mod tests;

pub use error::LockError;
pub use files::{find_lock, write_lock};
pub use host::fetch_packages;
pub use policy::LockMode;

pub(crate) use files::{lock_text, unreferenced_packages};
pub(crate) use guest::{GuestArchives, GuestLockRequest, GuestPackages, newest_date, resolve_in_guest};
pub(crate) use host::{PackageRequest, archive_of, ensure_cached, resolve_and_fetch};
