//! Why a profile cannot be used.

use std::io;
use std::path::PathBuf;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileDataError {
    /// The file cannot be read, or not to its end.
    #[error("failed to read the profile {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's or the decompressor's reason.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} is not a published profile: {why}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Reason.
        why: String,
    },
    /// It is one of something else.
    #[error("the profile {} is of another {what}: {of} instead of {wanted}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Differing field.
        what: &'static str,
        /// Value in the profile.
        of: String,
        /// Value of the build.
        wanted: String,
    },
    /// A profile was given for a build that has no use for one.
    #[error("only the profile release is optimised by counts")]
    NoUse,
    /// The artifact names a profile that is nowhere.
    #[error("the artifact was optimised by the profile with the sha256 {0}, which is not at hand")]
    Missing(Sha256),
    /// Another profile than the one the artifact names.
    #[error("{} is not the profile that the artifact was optimised by: expected sha256 {expected}, got {got}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The digest in the artifact's plan.
        expected: Sha256,
        /// The file's own.
        got: Sha256,
    },
    /// The file cannot be made.
    #[error("failed to write the profile {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl Diagnose for ProfileDataError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::NoUse | Self::Missing(_) => Exit::Usage,
            Self::Form { .. } | Self::Other { .. } | Self::Mismatch { .. } => Exit::Integrity,
            Self::Write { .. } => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Form { .. } => vec!["release builds publish theirs as <artifact>-profile.tar.zst".to_owned()],
            Self::Other { .. } => vec!["leave out --profile-data, and the build trains for itself".to_owned()],
            Self::NoUse => vec!["leave out --profile-data, or build with --profile release".to_owned()],
            Self::Missing(_) | Self::Mismatch { .. } => vec![
                "it was published beside the artifact as <artifact>-profile.tar.zst; --profile-data FILE names it"
                    .to_owned(),
            ],
            Self::Unreadable { .. } | Self::Write { .. } => Vec::new(),
        }
    }
}
