//! The `image` verbs: one function each.

mod build;
mod export;
mod fetch;
mod list;
mod prune;
mod show;
mod update;
mod verify;

pub use build::{BuiltGolden, ImageBuildOutcome, ImageBuildRequest, build};
pub use export::{ImageExportOutcome, ImageExportRequest, export};
pub use fetch::{FetchedBase, ImageFetchOutcome, ImageFetchRequest, fetch};
pub use list::{ImageListOutcome, ImageListRequest, list};
pub use prune::{ImagePruneOutcome, ImagePruneRequest, prune};
pub use show::{ImageShowOutcome, ImageShowRequest, show};
pub use update::{ImageUpdateRequest, update};
pub use verify::{ImageVerifyOutcome, ImageVerifyRequest, verify};
