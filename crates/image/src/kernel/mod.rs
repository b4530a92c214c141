//! The kernel that boots an image's disk, its modules, and the first root file system.

mod cpio;
mod error;
mod initramfs;
mod module_info;
mod package;

pub use error::KernelError;

pub(crate) use cpio::CpioArchive;
pub(crate) use initramfs::{ensure_initramfs, initramfs_name, is_initramfs};
pub(crate) use package::{MODULE_ORDER, collect_from_tree, compare_releases, extract_package};
