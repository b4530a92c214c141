//! Golden machines: bootstrapped, provisioned, sealed, and seen as a tree or as a disk.
//!
//! * `recipe`: the identity of a golden machine. `folder`: its files in the store. `use_lock`: its users.
//! * `build`: from an image to a sealed golden machine, by `bootstrap` or a first boot, `layer` and `normalize`.
//! * `digest`: one digest for a whole tree. `checksums`: of kernel and disk. `disk`, `disk_times`: the tree as a disk.
//! * `machine`: what callers get.

pub(crate) mod bootstrap;
mod build;
pub(crate) mod checksums;
pub(crate) mod digest;
pub(crate) mod disk;
mod disk_times;
mod error;
pub(crate) mod folder;
pub(crate) mod layer;
mod machine;
pub(crate) mod normalize;
pub(crate) mod recipe;
pub(crate) mod use_lock;

pub use digest::{internal_entry, tree_digest};
pub use error::GoldenError;
pub use machine::{Golden, GoldenRequest, GoldenRole};

pub(crate) use bootstrap::EPOCH;
pub(crate) use error::rebuild_hint;
