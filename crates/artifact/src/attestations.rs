//! Companion files of an artifact: every name once, in the order in which they appear.

use std::path::{Path, PathBuf};
use vmbuild_cpython::ArtifactName;
use vmbuild_cpython::layout::{
    checksum_file, debug_info_file, profile_data_file, provenance_file, record_file, sbom_file,
};

/// A file that belongs to an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArtifactPart {
    /// The counts it was optimised by; not every build has some.
    ProfileData,
    /// The debug info of its programs and libraries; not every build splits it off.
    DebugInfo,
    /// The bill of materials.
    Sbom,
    /// Where it comes from.
    Provenance,
    /// Measurements taken during the build.
    Record,
    /// For `sha256sum -c`.
    Checksum,
    /// The artifact itself: last, so that whoever sees it sees the rest.
    Tarball,
}

impl ArtifactPart {
    /// All of them, in the order in which they are placed.
    pub(super) const ALL: [Self; 7] =
        [Self::ProfileData, Self::DebugInfo, Self::Sbom, Self::Provenance, Self::Record, Self::Checksum, Self::Tarball];

    /// Where it is in a folder that has it.
    pub(super) fn within(self, folder: &Path, name: &ArtifactName) -> PathBuf {
        folder.join(match self {
            Self::ProfileData => profile_data_file(name),
            Self::DebugInfo => debug_info_file(name),
            Self::Sbom => sbom_file(name),
            Self::Provenance => provenance_file(name),
            Self::Record => record_file(name),
            Self::Checksum => checksum_file(name),
            Self::Tarball => name.to_string(),
        })
    }

    /// Its name while it is set aside for a replacement.
    pub(super) fn aside(self) -> &'static str {
        match self {
            Self::ProfileData => "old.zst",
            Self::DebugInfo => "old-debug.zst",
            Self::Sbom => "old.spdx.json",
            Self::Provenance => "old.provenance.json",
            Self::Record => "old.json",
            Self::Checksum => "old.sha256",
            Self::Tarball => "old.tgz",
        }
    }
}
