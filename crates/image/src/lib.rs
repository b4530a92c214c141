//! Images and the golden machines built from them.
//!
//! An image is described by data (`images/*.toml`, `provision/packages/*.toml`). From it one bootstrap, or the first boot
//! of a publisher's disk, makes a clean root file system and a kernel; the build role adds a layer of packages on top.
//! Both are sealed in the store and seen as a tree (sandbox) or as a disk with kernel and initramfs (QEMU).
//!
//! * `description`: image descriptions. `cloud`: publishers' disks. `lock`: the packages of an image, to the byte.
//! * `golden`: golden machines. `kernel`: kernels and initramfs. `first_boot`: from a publisher's disk to a clean tree.
//! * `storage`: images in the store. `export`: golden machines in other formats. `host_tool`: programs of the host.
//!
//! The program contains no archive's address: it uses the one of the host's own apt.

mod cloud;
mod description;
mod embedded;
mod error;
mod export;
mod first_boot;
mod golden;
mod host_tool;
mod kernel;
mod lock;
mod storage;

pub use cloud::{
    CloudDisk, CloudError, CloudFile, CloudImage, CloudRecord, CloudSettings, DiskFormat, FileDigest, PinProvenance,
    PinUpdate, ReleaseListing, SumsSignature, cached as cached_cloud_disk, fetch as fetch_cloud_disk,
    fetch_with as fetch_cloud_disk_with, update as update_pin,
};
pub use description::{DescriptionError, Image, ImagePackages, ImageSource, KernelSource};
pub use error::ImageError;
pub use export::{
    Compression, ExportContext, ExportError, ExportFormat, ExportRequest, ExportedImage, UnknownExportName, box_digest,
    export,
};
pub use first_boot::{FirmwareUse, FirstBootError, FirstBootPhase};
pub use golden::{Golden, GoldenError, GoldenRequest, GoldenRole, internal_entry, tree_digest};
pub use host_tool::HostToolError;
pub use kernel::KernelError;
pub use lock::{LockError, LockMode, fetch_packages, find_lock, write_lock};
pub use storage::clean::{RemovalCount, remove_all, remove_disks, remove_packages};
pub use storage::inventory::{DiskInventory, GoldenInventory, ImageInventory, description, inventory, inventory_of};
pub use storage::prune::{PruneMode, PrunedItem, discard, prune};
pub use storage::verify::{VerifiedItem, VerifyOutcome, verify};
pub use vmbuild_packages::{debian_archive, format_package};
