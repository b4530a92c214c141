//! Images and the golden machines made from them.
//!
//! An image is described by data (`images/*.toml`, `provision/packages/*.toml`). From it one bootstrap makes a
//! clean root file system and fetches a kernel; the build role adds a layer of packages on top. Both are sealed
//! in the store and seen as a tree (sandbox) or as a disk with kernel and initramfs (QEMU).
//!
//! Which packages it is made of is asked once, written down and kept (`lock`); what was made is settled (`settle`) and
//! listed (`digest`), so that the same packages give the same machine.
//!
//! Nobody's archive address is written here: it is the one the host's own apt uses.

mod archive_address;
mod bootstrap;
mod clean;
mod cloud;
mod cpio;
mod description;
mod digest;
mod disk;
mod disk_times;
mod embedded;
mod error;
mod export;
mod first_boot;
mod folder;
mod golden;
mod host_tool;
mod initramfs;
mod inventory;
mod kernel;
mod layer;
mod lock;
mod making;
mod modinfo;
mod packages;
mod prune;
mod recipe;
mod record;
mod settle;
mod usage;
mod verify;

pub use archive_address::debian_archive;
pub use clean::{Removed, remove_all, remove_disks, remove_packages};
pub use cloud::{
    CloudDisk, CloudError, CloudFile, CloudImage, CloudRecord, CloudSettings, DiskFormat, FileDigest, Listing,
    SumsSignature, Updated, VouchedPin, fetch as cloud_fetch, fetch_with as cloud_fetch_with, kept as cloud_kept,
    update as cloud_update,
};
pub use description::{Image, ImagePackages, ImageSource, KernelSource, PackageLists};
pub use digest::{internal_entry, tree_digest};
pub use error::ImageError;
pub use export::{Compression, ExportError, ExportFormat, ExportRequest, Exported, box_digest, export};
pub use first_boot::{FirmwareUse, FirstBootPhase};
pub use golden::{Golden, Role};
pub use inventory::{DiskInventory, GoldenInventory, Inventory, description, inventory, inventory_of};
pub use lock::{
    Change, LockedPackage, Locking, PackageLock, drift, fetch_packages, find as find_lock, write as write_lock,
};
pub use packages::line as package_line;
pub use prune::{Pruned, Pruning, discard, prune};
pub use verify::{VerifiedItem, VerifyOutcome, verify};
