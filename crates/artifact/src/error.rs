//! Why an artifact is not in its place.

use std::io;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::layout::{ArtifactName, BuildNumber, NameError};

/// Why an artifact is not in its place.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// There is one of this name already.
    #[error("{name} exists already")]
    Exists {
        /// The name.
        name: ArtifactName,
        /// A number that is free.
        free: BuildNumber,
    },
    /// Another vmbuild is building under this name.
    #[error("{name} is being built by another vmbuild")]
    Busy {
        /// The name.
        name: ArtifactName,
        /// A number that is free.
        free: BuildNumber,
    },
    /// The staged tarball is not the one that was validated.
    #[error("the staged {name} changed: validated was sha256 {validated}, there is {found}")]
    Changed {
        /// The name.
        name: ArtifactName,
        /// The digest of what was validated.
        validated: Sha256,
        /// The digest of what is there.
        found: Sha256,
    },
    /// A text is no artifact's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The folder's files.
    #[error("failed to keep the artifact")]
    Io(#[from] io::Error),
    /// The caller's cancellation.
    #[error("waiting for the folder of artifacts was interrupted")]
    Cancelled,
}

impl Diagnose for ArtifactError {
    fn exit(&self) -> Exit {
        match self {
            Self::Exists { .. } | Self::Busy { .. } | Self::Name(_) => Exit::Usage,
            Self::Changed { .. } => Exit::Integrity,
            Self::Io(_) => Exit::Environment,
            Self::Cancelled => Exit::Interrupted,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Exists { free, .. } => {
                vec![format!("`--build-number {}` is free; `--force` replaces what is there", free)]
            }
            Self::Busy { free, .. } => vec![format!("`--build-number {}` is free", free)],
            Self::Changed { .. } | Self::Name(_) | Self::Io(_) | Self::Cancelled => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ArtifactError;
    use vmbuild_core::failure::Diagnose;
    use vmbuild_cpython::layout::BuildNumber;

    #[test]
    fn says_which_number_is_free() {
        let name = || "cpython-3.13.5-debian12-build1.tgz".parse().expect("a name");
        let free = BuildNumber::FIRST.next();
        let shown = [ArtifactError::Exists { name: name(), free }, ArtifactError::Busy { name: name(), free }]
            .map(|error| format!("{error}\n{:?} {:?}", error.hints(), error.exit()));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
