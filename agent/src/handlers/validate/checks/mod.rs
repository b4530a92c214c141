//! The checks, one per file.

pub(super) mod binaries;
pub(super) mod build_info;
pub(super) mod checksum_file;
pub(super) mod exists;
pub(super) mod license;
pub(super) mod native_modules;
pub(super) mod pip;
pub(super) mod sha256;
pub(super) mod size;
pub(super) mod structure;
pub(super) mod version;
