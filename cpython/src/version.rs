//! Stand-in for helper B's `Version`.

use std::fmt;
use std::str::FromStr;

/// A version of CPython: `3.13.5`, `3.15.0rc1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    base: (u32, u32, u32),
    stage: (u8, u32),
}

/// Not a version.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a version of CPython")]
pub struct VersionError(String);

const STAGES: [&str; 3] = ["a", "b", "rc"];

impl Version {
    /// The version whose folder holds this one's pre-releases.
    #[must_use]
    pub fn base(&self) -> Self {
        Self { base: self.base, stage: (3, 0) }
    }

    /// The minor number.
    pub fn minor(&self) -> u32 {
        self.base.1
    }

    /// Alpha, beta or release candidate.
    pub fn is_prerelease(&self) -> bool {
        self.stage.0 < 3
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.to_owned());
        let cut = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (base, stage) = text.split_at(cut);
        let numbers: Vec<u32> = base.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let &[major, minor, micro] = numbers.as_slice() else { return Err(wrong()) };
        let stage = match stage {
            "" => (3, 0),
            stage => (0..3u8)
                .find_map(|index| Some((index, stage.strip_prefix(STAGES[usize::from(index)])?.parse().ok()?)))
                .ok_or_else(wrong)?,
        };
        Ok(Self { base: (major, minor, micro), stage })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, micro) = self.base;
        write!(to, "{major}.{minor}.{micro}")?;
        match STAGES.get(usize::from(self.stage.0)) {
            Some(stage) => write!(to, "{stage}{}", self.stage.1),
            None => Ok(()),
        }
    }
}
