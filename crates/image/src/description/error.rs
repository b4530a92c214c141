//! Errors of image descriptions.

use vmbuild_core::failure::{Diagnose, Exit};

/// Why an image's description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// No image has this name.
    #[error("unknown image `{name}` (expected {})", known.join(", "))]
    Unknown {
        /// The given name.
        name: String,
        /// The known names.
        known: Vec<&'static str>,
        /// The most similar known name, if any is similar.
        nearest: Option<&'static str>,
    },
    /// An operation that needs an archive was asked of a publisher's disk.
    #[error("image `{name}` comes from its publisher's disk, not from an archive")]
    NoBootstrap {
        /// The image.
        name: String,
    },
    /// A description is malformed.
    #[error("failed to parse the description `{file}`")]
    Malformed {
        /// The file.
        file: String,
        /// The parser's reason.
        #[source]
        source: toml::de::Error,
    },
    /// A description in the store's `images.d` has another name than its file.
    #[error("`{file}` describes an image of another name: `{name}`")]
    Misnamed {
        /// The file.
        file: String,
        /// The name in it.
        name: String,
    },
    /// The image names package lists that do not exist.
    #[error("image `{image}` names the package lists `{lists}`, which do not exist")]
    NoLists {
        /// The image.
        image: String,
        /// The lists' name.
        lists: String,
    },
    /// The image does not support this machine's architecture.
    #[error("image `{image}` has no kernel for {arch}")]
    Architecture {
        /// The image.
        image: String,
        /// The architecture, as `uname -m` prints it.
        arch: &'static str,
    },
}

impl Diagnose for DescriptionError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. } | Self::NoBootstrap { .. } | Self::Misnamed { .. } => Exit::Usage,
            Self::Malformed { .. } | Self::NoLists { .. } | Self::Architecture { .. } => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => vec![format!("did you mean `{nearest}`?")],
            _ => Vec::new(),
        }
    }
}
