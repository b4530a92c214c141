//! File name of an artifact, and its parts.

use super::Extent;
use crate::version::{Version, VersionError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The name of an artifact: `cpython-3.13.5-debian12-build1.tgz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactName {
    /// CPython version.
    pub version: Version,
    /// Image it was built in, and for.
    pub image_label: ImageLabel,
    /// Full or slim; only slim is part of the name: `cpython-3.13.5-debian12-slim-build1.tgz`.
    pub extent: Extent,
    /// Number of this build among those of the same version for the same image.
    pub build: BuildNumber,
}

/// Label of an image in a file name, such as `debian12` or `ubuntu22.04`: lower-case letters, digits and dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageLabel(String);

/// Number of a build of one version for one image, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildNumber(NonZeroU32);

/// Invalid artifact name, or an invalid part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The parts do not have the expected form.
    #[error("invalid artifact name `{0}` (expected cpython-VERSION-IMAGE[-slim]-buildN.tgz)")]
    Form(String),
    /// The version is invalid.
    #[error("invalid version in the artifact name")]
    Version(#[from] VersionError),
    /// The image label is invalid.
    #[error("invalid image label `{0}` (expected lower-case letters, digits and dots)")]
    ImageLabel(String),
    /// The build number is invalid.
    #[error("invalid build number `{0}` (expected 1 or more)")]
    Build(String),
}

impl FromStr for ArtifactName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parts = parse_parts(text).ok_or_else(|| NameError::Form(text.to_owned()))?;
        Ok(Self {
            version: parts.version.parse()?,
            image_label: parts.image_label.parse()?,
            extent: parts.extent,
            build: parts.build.parse()?,
        })
    }
}

/// Parts of an artifact name that have not been checked yet.
struct NameParts<'a> {
    version: &'a str,
    image_label: &'a str,
    extent: Extent,
    build: &'a str,
}

fn parse_parts(text: &str) -> Option<NameParts<'_>> {
    let middle = text.strip_prefix("cpython-")?.strip_suffix(".tgz")?;
    let (version, rest) = middle.split_once('-')?;
    let (image_label, build) = rest.split_once('-')?;
    let (extent, build) = match build.strip_prefix("slim-") {
        Some(build) => (Extent::Slim, build),
        None => (Extent::Full, build),
    };
    Some(NameParts { version, image_label, extent, build: build.strip_prefix("build")? })
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extent = match self.extent {
            Extent::Full => "",
            Extent::Slim => "slim-",
        };
        write!(to, "cpython-{}-{}-{extent}build{}.tgz", self.version, self.image_label, self.build)
    }
}

impl FromStr for ImageLabel {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
        if !text.is_empty() && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::ImageLabel(text.to_owned()))
        }
    }
}

impl ImageLabel {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageLabel {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl BuildNumber {
    /// Number of the first build.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Returns `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Returns the number, 1 or more.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// Returns the next number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl FromStr for BuildNumber {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let number = text.parse().ok().map(Self).filter(|number| number.to_string() == text);
        number.ok_or_else(|| NameError::Build(text.to_owned()))
    }
}

impl fmt::Display for BuildNumber {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

/// Serializes a type as its text form.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_text!(ArtifactName, ImageLabel);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_names_are_refused() {
        let bad = [
            ("cpython-3.13.5-debian12-build1.tar.gz", "invalid artifact name"),
            ("python-3.13.5-debian12-build1.tgz", "invalid artifact name"),
            ("cpython-3.13.5-debian12.tgz", "invalid artifact name"),
            ("cpython-3.13-debian12-build1.tgz", "invalid version in the artifact name"),
            ("cpython-3.13.5-Debian12-build1.tgz", "invalid image label `Debian12`"),
            ("cpython-3.13.5--build1.tgz", "invalid image label ``"),
            ("cpython-3.13.5-debian12-build0.tgz", "invalid build number `0`"),
            ("cpython-3.13.5-debian12-build01.tgz", "invalid build number `01`"),
            ("cpython-3.13.5-debian12-build-1.tgz", "invalid build number `-1`"),
            ("cpython-3.13.5-debian12-fat-build1.tgz", "invalid artifact name"),
            ("../cpython-3.13.5-debian12-build1.tgz", "invalid artifact name"),
        ];
        for (name, expect) in bad {
            let error = name.parse::<ArtifactName>().unwrap_err().to_string();
            assert!(error.contains(expect), "{name}: {error}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(minor in 0u16..30, patch in 0u16..30, stage in "((a|b|rc)[1-9])?", word in "[a-z0-9.]{1,12}", slim: bool, build in 1u32..) {
            let version: Version = format!("3.{minor}.{patch}{stage}").parse().unwrap();
            let build = BuildNumber::new(build).unwrap();
            let extent = if slim { Extent::Slim } else { Extent::Full };
            let name = ArtifactName { version, image_label: word.parse().unwrap(), extent, build };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}
