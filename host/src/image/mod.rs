//! Images and the golden machines made from them.
//!
//! An image is described by data (`images/*.toml`, `provision/packages/*.toml`). From it one bootstrap makes a
//! clean root file system and fetches a kernel; the build role adds a layer of packages on top. Both are sealed
//! in the store and seen as a tree (sandbox) or as a disk with kernel and initramfs (QEMU).
//!
//! Nobody's archive address is written here: it is the one the host's own apt uses.

mod archive_address;
mod bootstrap;
mod clean;
mod cpio;
mod description;
mod disk;
mod error;
mod export;
mod folder;
mod golden;
mod host_tool;
mod initramfs;
mod inventory;
mod kernel;
mod layer;
mod modinfo;
mod packages;
mod prune;
mod recipe;
mod record;
mod usage;
mod verify;

pub use archive_address::debian_archive;
pub use clean::remove_all;
pub use description::{Image, Kernel, PackageLists, Source};
pub use error::ImageError;
pub use export::{Compression, ExportError, Exported, Format, Request as ExportRequest, export};
pub use golden::{Golden, Role};
pub use inventory::{DiskInventory, GoldenInventory, Inventory, description, inventory, inventory_of};
pub use prune::{Pruned, Pruning, discard, prune};
pub use verify::{Item as VerifiedItem, Outcome as VerifyOutcome, verify};
