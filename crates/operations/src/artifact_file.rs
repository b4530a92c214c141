//! An artifact that a user names by its path.

use std::path::{Path, PathBuf};
use vmbuild_artifact::ArtifactError;
use vmbuild_cpython::ArtifactName;

/// A tarball whose name parses.
#[derive(Debug)]
pub(crate) struct ArtifactFile {
    /// Absolute path.
    pub(crate) path: PathBuf,
    pub(crate) name: ArtifactName,
}

impl ArtifactFile {
    /// The artifact at a path. A relative path is below the current directory.
    pub(crate) fn at(path: &Path) -> Result<Self, ArtifactError> {
        let path = std::path::absolute(path).map_err(ArtifactError::Io)?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = file_name.parse().map_err(ArtifactError::Name)?;
        Ok(Self { path, name })
    }
}
