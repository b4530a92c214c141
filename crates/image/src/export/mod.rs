//! A golden machine in other programs' formats, so that vmbuild can be used only to make images.
//!
//! A golden machine can be exported as a disk that boots, a tar archive, a container image or a box. Each is made next
//! to its destination in a folder that begins with `.new-export-`, synced, and then renamed, so that it appears complete.
//! Equal golden trees give equal bytes: names, times and ids of the host do not go in.
//!
//! `tree` joins the layers and runs programs over them; `disk`, `oci` and `vagrant` build on it; `login` adds users and
//! services to a box; `destination` gives the result its name.

mod boot_loader;
mod boot_tree;
mod compress;
mod destination;
mod disk;
mod error;
mod format;
mod job;
mod login;
mod oci;
mod partitions;
mod plain_tar;
mod times;
mod tree;
mod vagrant;

pub use error::ExportError;
pub use format::{Compression, ExportFormat, UnknownExportName};
pub use job::{ExportContext, ExportRequest, ExportedImage, export};
pub use login::box_digest;
