//! Which packages an image is made of, to the byte.
//!
//! A distribution's archive changes under a fixed name: the same description gives other packages next month. So
//! apt is asked once what a description resolves to (`resolve`), every package is taken into a cache under its
//! SHA-256 (`cache`, `fetch`), and machines are made from a folder of exactly those files (`repository`), without
//! network. The answer is written down: a lock file says what it was when somebody last looked, and a later run
//! says what has changed since (`drift`) or, with `--locked`, refuses to take anything else (`obtain`).
//!
//! A cloud image's own apt is asked instead of the host's (`decide`): it knows its archives and their keys. What is
//! known beforehand, and what is said of an answer, is the same for both (`known`).
//!
//! apt does the resolving, the downloading and all verification of signatures, with the host's programs and state
//! of its own (`apt`); its failures are tried again by kind (`persist`).

mod apt;
mod cache;
mod decide;
mod drift;
mod fetch;
mod file;
mod find;
mod known;
mod obtain;
mod persist;
mod repository;
mod resolve;

#[cfg(test)]
mod tests;

pub use drift::{Change, drift};
pub use file::{LockedPackage, PackageLock};
pub use find::{find, write};
pub use obtain::{Locking, fetch_packages};

pub(super) use apt::PackageArchive;
pub(super) use cache::PackageCache;
pub(super) use decide::{Archives, Decision, LockRequest, adopt, decide, newest_date};
pub(super) use find::{stray, text_of};
pub(super) use obtain::{PackageWish, complete, obtain};
pub(super) use repository::{FOLDER, SOURCES, make as make_repository, sources_line};
