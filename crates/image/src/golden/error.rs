//! Errors of golden machines in the store.

use std::path::{Path, PathBuf};
use vmbuild_core::failure::{Diagnose, Exit};

/// Why a golden machine in the store cannot be used or deleted.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A sealed file of the store cannot be read.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        #[source]
        source: serde_json::Error,
    },
    /// The store has no golden machine of the image.
    #[error("no golden machine of `{image}` is in the store")]
    NotFound {
        /// The image.
        image: String,
    },
    /// A golden machine that is to be deleted is in use.
    #[error("the golden machine of `{image}` is in use")]
    InUse {
        /// The image.
        image: String,
        /// The named machine that uses it; `None` if another vmbuild does.
        by: Option<vmbuild_machine::MachineName>,
    },
}

impl Diagnose for GoldenError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. } | Self::InUse { .. } => Exit::Usage,
            Self::Damaged { .. } => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Damaged { path, .. } => rebuild_hint(path),
            Self::NotFound { image } => format!("`vmbuild image build {image}` makes it"),
            Self::InUse { by: Some(name), .. } => format!("`vmbuild destroy --name {name}` removes the machine"),
            Self::InUse { by: None, .. } => "try again when the other vmbuild has ended".to_owned(),
        }]
    }
}

/// The hint for a damaged file: its folder is made again.
pub(crate) fn rebuild_hint(file: &Path) -> String {
    format!("delete {} to have it made again", file.parent().unwrap_or(file).display())
}
