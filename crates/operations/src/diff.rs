//! `diff`: two artifacts explained.

use crate::artifact_file::ArtifactFile;
use crate::plan::changes;
use crate::reproduce::read_info;
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, ArtifactExplanation, explain};
use vmbuild_core::blocking;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_cpython::{ArtifactName, BuildInfo};

/// Two artifacts to compare.
#[derive(Debug, Clone)]
pub struct DiffRequest {
    /// The first tarball.
    pub one: PathBuf,
    /// The second tarball.
    pub other: PathBuf,
}

/// Two artifacts and their differences.
#[derive(Debug)]
pub struct DiffOutcome {
    /// The first artifact.
    pub was: DiffSide,
    /// The second artifact.
    pub is: DiffSide,
    /// Fields in which their plans differ.
    pub plan: Vec<String>,
    /// Everything else that differs.
    pub differences: ArtifactExplanation,
}

/// One of two artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffSide {
    /// Its name.
    pub name: ArtifactName,
    /// Its SHA-256.
    pub sha256: Sha256,
}

impl DiffOutcome {
    /// True if both are the same bytes.
    pub fn is_same(&self) -> bool {
        self.was.sha256 == self.is.sha256
    }
}

/// An artifact as far as it was read.
struct ReadArtifact {
    path: PathBuf,
    info: BuildInfo,
    side: DiffSide,
}

/// Compares two artifacts. Nothing is written to the store, and no machine runs.
pub async fn diff(context: &Context, request: DiffRequest) -> Result<DiffOutcome, Failure> {
    context.check_cancelled()?;
    let (one, other) = (read(&request.one)?, read(&request.other)?);
    let plan = changes(&one.info.plan, &other.info.plan);
    let (was, is) = (one.side, other.side);
    let explained = blocking(move || explain((&one.path, &one.info), (&other.path, &other.info)));
    let differences = explained.await.map_err(|error| ArtifactError::Io(std::io::Error::other(error)))?;
    Ok(DiffOutcome { was, is, plan, differences })
}

fn read(path: &Path) -> Result<ReadArtifact, Failure> {
    let ArtifactFile { path, name } = ArtifactFile::at(path)?;
    let (_, sha256) = vmbuild_archive::sha256_file(&path).map_err(ArtifactError::Io)?;
    let info = read_info(&path, &name)?;
    Ok(ReadArtifact { path, info, side: DiffSide { name, sha256: sha256.into() } })
}
