//! A golden machine in other programs' formats, so that vmbuild can be used only to make images.
//!
//! Others want what is in the store as a disk that boots, as a tar archive, as a container image or as a box. Each
//! is made beside its destination in a folder that begins with `.new-export-`, put on disk, and then renamed: nobody
//! sees half of it. Equal golden trees give equal bytes: no name, time or number of the host or of the day goes in.
//!
//! `login` adds what people log in with; `tree` joins the layers and runs programs over them; `disk`, `oci` and `vagrant` build on it; `place` gives the
//! result its name.

mod boot_loader;
mod boot_tree;
mod compress;
mod disk;
mod error;
mod format;
mod login;
mod make;
mod oci;
mod partitions;
mod place;
mod plain_tar;
mod times;
mod tree;
mod vagrant;

pub use error::ExportError;
pub use format::{Compression, ExportFormat};
pub use login::box_digest;
pub use make::{ExportRequest, Exported, export};
