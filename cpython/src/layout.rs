//! Stand-in for helper B's artifact names.

use crate::Version;
use std::fmt;
use std::str::FromStr;

/// The number of a build, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildNumber(pub u32);

/// `cpython-3.13.5-debian12-build1.tgz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactName {
    /// Version.
    pub version: Version,
    /// The image's word.
    pub image_word: String,
    /// Build number.
    pub build: BuildNumber,
}

impl ArtifactName {
    /// The name without `.tgz`.
    pub fn stem(&self) -> String {
        format!("cpython-{}-{}-build{}", self.version, self.image_word, self.build.0)
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.tgz", self.stem())
    }
}

/// Not an artifact's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an artifact's name")]
pub struct NameError(String);

impl FromStr for ArtifactName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parts = || {
            let rest = text.strip_prefix("cpython-")?.strip_suffix(".tgz")?;
            let (rest, build) = rest.rsplit_once("-build")?;
            let (version, image_word) = rest.split_once('-')?;
            let build = BuildNumber(build.parse().ok().filter(|&number| number > 0)?);
            Some(Self { version: version.parse().ok()?, image_word: image_word.to_owned(), build })
        };
        parts().ok_or_else(|| NameError(text.to_owned()))
    }
}
