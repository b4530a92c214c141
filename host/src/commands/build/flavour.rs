//! Which build of a source was asked for, settled before anything is fetched or made.

use crate::artifact::ArtifactError;
use crate::cli::Wanted;
use crate::failure::{Diagnose, Exit, Failure};
use crate::image::Golden;
use vmbuild_cpython::flavour::{FlavourError, MissingTool, missing_tool};
use vmbuild_cpython::{Profile, Version};

/// What is to be built, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) version: Version,
    pub(super) profile: Profile,
}

/// Puts the flavours into the version and chooses the profile that goes with them; refuses what cannot be.
pub(super) fn settle(wanted: &Wanted) -> Result<Settled, Failure> {
    let version = wanted.version.with_flavours(&wanted.flavour)?;
    let flavours = version.flavours();
    let profile = wanted.compiled.profile.unwrap_or_else(|| flavours.usual_profile());
    flavours.check_profile(profile)?;
    Ok(Settled { version, profile })
}

/// Refuses an image that lacks what the version's flavours are made with.
pub(super) fn check_tools(version: Version, golden: &Golden) -> Result<(), Failure> {
    let packages = fs_err::read_to_string(golden.packages()).map_err(ArtifactError::Io)?;
    match missing_tool(version.flavours(), golden.image(), &packages) {
        Some(missing) => Err(missing.into()),
        None => Ok(()),
    }
}

impl Diagnose for FlavourError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        self.hint().into_iter().collect()
    }
}

impl Diagnose for MissingTool {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![
            match self {
                Self::Clang { .. } => {
                    "an image of your own can have it: `clang` in the list `toolchain` of its packages"
                }
                Self::Sarif { .. } => "debian-13 has GCC 14: --image debian-13",
            }
            .to_owned(),
        ]
    }
}
