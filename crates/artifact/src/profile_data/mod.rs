//! A training's counts as a published file: read, checked, made, kept. Its form is said in `vmbuild_cpython::profile_data`.
//!
//! The file comes from elsewhere as easily as from here, and is unpacked where a compiler runs. So all of it is read
//! before it is used: there is nothing in it but counts, and they are of what is to be built.

mod error;
mod form;
mod gcda;
mod kept;
#[cfg(test)]
mod tests;

pub use error::ProfileDataError;
pub use kept::ProfileStore;

use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_cpython::{Plan, ProfileCoverage, ProfileDataInfo};

/// A profile that was read to its end, and found to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileData {
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Description of the build that the counts are of.
    pub about: ProfileDataInfo,
    /// How many files of counts there are in it.
    pub files: usize,
    /// Coverage; `None` if the compiler's format of counts is unknown.
    pub coverage: Option<ProfileCoverage>,
}

impl ProfileData {
    /// Reads a file to its end. Blocks.
    pub fn read(path: &Path) -> Result<Self, ProfileDataError> {
        let unreadable = |source| ProfileDataError::Unreadable { path: path.to_owned(), source };
        let (_, sha256) = vmbuild_archive::sha256_file(path).map_err(unreadable)?;
        let form::ProfileContents { about, files, coverage } = form::inspect(path)?;
        Ok(Self { path: path.to_owned(), sha256: sha256.into(), about, files, coverage })
    }

    /// Makes the published form, at `to`, of what the agent packed. Blocks.
    pub fn publish(packed: &Path, to: &Path) -> Result<Self, ProfileDataError> {
        form::recompress(packed, to).map_err(|source| ProfileDataError::Write { path: to.to_owned(), source })?;
        Self::read(to)
    }

    /// Writes the archive as guests unpack it: without compression. Blocks.
    pub fn decompress(&self, to: &Path) -> Result<(), ProfileDataError> {
        form::decompress(&self.path, to).map_err(|source| ProfileDataError::Write { path: to.to_owned(), source })
    }

    /// Refuses counts of something else than what `plan` builds.
    pub fn check_fits(&self, plan: &Plan) -> Result<(), ProfileDataError> {
        let ProfileDataInfo { version, source_sha256, arch, .. } = &self.about;
        let other = |what: &'static str, of: String, wanted: String| {
            Err(ProfileDataError::Other { path: self.path.clone(), what, of, wanted })
        };
        if *version != plan.version {
            return other("version", version.to_string(), plan.version.to_string());
        }
        if *source_sha256 != plan.source_sha256 {
            return other("source", source_sha256.to_string(), plan.source_sha256.to_string());
        }
        if *arch != plan.arch {
            return other("architecture", arch.clone(), plan.arch.clone());
        }
        Ok(())
    }
}
