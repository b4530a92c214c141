//! Packages of a distribution: how archives describe them, how a lock pins them, and where the host keeps them.
//!
//! A distribution's archive changes under a fixed name: the same package list resolves to other packages next month. A
//! lock file pins them to the byte, the cache keeps them under their SHA-256, and machines are installed from a folder
//! of exactly those files.
//!
//! * `deb822` reads control files; `index`, `installed` and `trouble` read the output of apt, dpkg and dnf. They are
//!   pure: the agent uses them too.
//! * With the feature `store`: `lists` and `lock_file` (package lists and locks), `drift` (differences between locks),
//!   `archive_address` and `apt_client` (the host's apt), `resolve` and `fetch` (from an archive into `cache`), `retry`
//!   (failures that may pass), `repository` (a folder that apt installs from).
//!
//! apt resolves, downloads and verifies signatures; nothing of that is reimplemented here.

pub mod deb822;
mod index;
mod trouble;

pub use index::{read_index, simulated_install};
pub use trouble::PackageTrouble;

#[cfg(feature = "store")]
mod apt_client;
#[cfg(feature = "store")]
mod archive_address;
#[cfg(feature = "store")]
mod cache;
#[cfg(feature = "store")]
mod drift;
#[cfg(feature = "store")]
mod error;
#[cfg(feature = "store")]
mod fetch;
#[cfg(feature = "store")]
mod installed;
#[cfg(feature = "store")]
mod lists;
#[cfg(feature = "store")]
mod lock_file;
#[cfg(feature = "store")]
pub mod repository;
#[cfg(feature = "store")]
mod resolve;
#[cfg(feature = "store")]
mod retry;

#[cfg(feature = "store")]
pub use {
    apt_client::{AptClient, DownloadFile, debian_architecture},
    archive_address::{ArchiveRequest, PackageArchive, debian_archive},
    cache::PackageCache,
    drift::{PackageChange, differences_from_installed, drift, joined, summary},
    error::PackagesError,
    fetch::PackageDownload,
    installed::{format_package, format_packages, installed_packages, parse_packages},
    lists::{PackageLists, SchemaOne},
    lock_file::{LockOrigin, LockedPackage, PackageLock},
    resolve::{AptResolveRequest, resolve},
    retry::retry,
};
