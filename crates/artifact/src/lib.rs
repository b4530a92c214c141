//! The folder of artifacts: what builds leave, and how it gets there.
//!
//! The problem: other people's tools watch this folder. They must never find a tarball without its checksum, half a
//! file, or other bytes under a name they have seen before; and two builds at once must not want the same name.
//!
//! ```text
//! artifacts/
//!   cpython-3.13.5-debian12-build1.tgz              the tarball, appears last
//!   cpython-3.13.5-debian12-build1.tgz.sha256       for `sha256sum -c`
//!   cpython-3.13.5-debian12-build1.tgz.build.json   what was measured on the way
//!   cpython-3.13.5-debian12-build1.tgz.spdx.json    the bill of materials
//!   cpython-3.13.5-debian12-build1.tgz.provenance.json  where it comes from
//!   cpython-3.13.5-debian12-build1-profile.tar.zst  the counts that a release build was optimised by
//!   cpython-3.13.5-debian12-build1-debug.tar.zst    the debug info of its programs and libraries
//!   logs/<stem>/<step>.log                          of published builds
//!   failed/<stem>-<job>/                            of failed ones
//!   .staging-<tarball>/                             a build under way; its lock says that it lives
//!   .lock                                           held for moments, while names are given and taken
//! ```

mod attestations;
mod cache;
mod compare;
mod debug_info;
mod error;
mod folder;
mod placing;
mod profile_data;
mod staging;
#[cfg(test)]
mod tests;

pub use cache::{BuildCache, BuildOutputs, CachedBuild, KeptBuild};
pub use compare::{
    ArtifactExplanation, BuildSurroundings, ChangedValue, Difference, DifferenceCause, FileChange, What, differences,
    explain,
};
pub use debug_info::DebugInfo;
pub use error::ArtifactError;
pub use folder::{ArtifactFolder, ExistingArtifact, NameWish};
pub use profile_data::{ProfileData, ProfileDataError, ProfileStore};
pub use staging::{PlacedArtifact, StagingFolder};
