//! CPython versions: `3.13.5`, or prereleases such as `3.15.0a2`, `3.15.0b4` and `3.15.0rc1`, followed by the flavours of
//! the build: `t` for free-threaded, `3.14.10t`, and the others with a plus sign, `3.13.5+debug`.

use crate::flavour::{self, Flavour, FlavourError, Flavours};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A version of CPython. Ordered as released: `3.15.0a2` < `3.15.0rc1` < `3.15.0` < `3.15.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
    stage: ReleaseStage,
    flavours: Flavours,
}

/// Stage of a release. The variants are in chronological order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum ReleaseStage {
    Alpha(u16),
    Beta(u16),
    Candidate(u16),
    Final,
}

/// Invalid version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text does not have the form of a version.
    #[error(
        "invalid CPython version `{0}` (expected X.Y.Z, such as 3.13.5, 3.15.0a2, 3.15.0b4, 3.15.0rc1, 3.14.10t or 3.13.5+debug)"
    )]
    Form(String),
    /// The version is valid, but its flavours are not.
    #[error(transparent)]
    Flavour(#[from] FlavourError),
}

impl Version {
    /// Returns the final release: `3.15.0` for `3.15.0rc1`. python.org names its folders after it.
    #[must_use]
    pub fn base(&self) -> Self {
        Self { stage: ReleaseStage::Final, ..self.release() }
    }

    /// Returns the release whose source it is built from: `3.14.10` for `3.14.10t`.
    #[must_use]
    pub fn release(&self) -> Self {
        self.flavoured(Flavours::NONE)
    }

    /// Returns the same release in these flavours, without checking that they can be combined.
    pub(crate) fn flavoured(&self, flavours: Flavours) -> Self {
        Self { flavours, ..*self }
    }

    /// Returns this release in the flavours of `other`.
    #[must_use]
    pub(crate) fn with_flavours_of(&self, other: &Self) -> Self {
        self.flavoured(other.flavours)
    }

    /// Returns whether this is a free-threaded build.
    pub fn is_free_threaded(&self) -> bool {
        self.flavours.has(Flavour::FreeThreaded)
    }

    /// Returns the flavours of the build.
    pub fn flavours(&self) -> Flavours {
        self.flavours
    }

    /// Returns the suffix of the program after the minor version: `t` for a free-threaded build, `d` with assertions.
    pub fn abi_flags(&self) -> &'static str {
        match (self.is_free_threaded(), self.flavours.has(Flavour::Debug)) {
            (false, false) => "",
            (true, false) => "t",
            (false, true) => "d",
            (true, true) => "td",
        }
    }

    /// Returns the major and minor number: `(3, 13)`.
    pub fn minor(&self) -> (u16, u16) {
        (self.major, self.minor)
    }

    /// Returns whether this release directly follows `other`: `3.13.5` follows `3.13.4`.
    pub fn directly_follows(&self, other: &Self) -> bool {
        let patch = other.patch.checked_add(1);
        !self.is_prerelease() && patch.is_some_and(|patch| *self == Self { patch, ..*other })
    }

    /// Returns whether this is a prerelease.
    pub fn is_prerelease(&self) -> bool {
        self.stage != ReleaseStage::Final
    }
}

impl fmt::Display for Version {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.{}.{}", self.major, self.minor, self.patch)?;
        match self.stage {
            ReleaseStage::Alpha(number) => write!(to, "a{number}"),
            ReleaseStage::Beta(number) => write!(to, "b{number}"),
            ReleaseStage::Candidate(number) => write!(to, "rc{number}"),
            ReleaseStage::Final => Ok(()),
        }?;
        if self.is_free_threaded() {
            to.write_str("t")?;
        }
        self.flavours
            .iter()
            .filter(|&flavour| flavour != Flavour::FreeThreaded)
            .try_for_each(|flavour| write!(to, "+{flavour}"))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let parsed = parse(text).filter(|version| version.to_string() == text);
        // The version must format back to the same text, which rules out `03.13.5`, `3.13.+5` and the like.
        let version = parsed.ok_or_else(|| VersionError::Form(text.to_owned()))?;
        flavour::check(&version)?;
        Ok(version)
    }
}

fn parse(text: &str) -> Option<Version> {
    let mut parts = text.split('+');
    let text = parts.next()?;
    let (text, flavours) = match text.strip_suffix('t') {
        Some(text) => (text, Flavours::NONE.and(Flavour::FreeThreaded)),
        None => (text, Flavours::NONE),
    };
    let flavours = parts.try_fold(flavours, |all, name| Some(all.and(name.parse().ok()?)))?;
    let (major, rest) = text.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let letters = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (patch, stage) = rest.split_at(letters);
    let stage = match stage.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "" => ReleaseStage::Final,
        "a" => ReleaseStage::Alpha(stage[1..].parse().ok()?),
        "b" => ReleaseStage::Beta(stage[1..].parse().ok()?),
        "rc" => ReleaseStage::Candidate(stage[2..].parse().ok()?),
        _ => return None,
    };
    Some(Version {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
        patch: patch.parse().ok()?,
        stage,
        flavours,
    })
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_round_trip() {
        for text in ["3.13.5", "3.15.0rc1", "3.14.0a2", "3.15.0b4", "3.12.14", "0.0.0", "3.14.10t", "3.15.0rc1t"] {
            assert_eq!(version(text).to_string(), text);
        }
        for text in ["3.13.5+debug", "3.13.5t+debug", "3.13.5+asan+ubsan", "3.15.0b1t+tsan+clang"] {
            assert_eq!(version(text).to_string(), text);
        }
    }

    #[test]
    fn invalid_versions_are_refused() {
        let bad = ["", "3", "3.13", "3.13.x", "3.13.5.1", "3.13.5-1", "v3.13.5", " 3.13.5", "3.13.5\n", "3.015.0"];
        let worse =
            ["3.15.0rc", "3.15.0c1", "3.15.0rc01", "3.15.0a-1", "3.15.0.rc1", "3.+13.5", "3.13.99999999", "3..5"];
        let worst = ["3.14.0tt", "3.14.0t1", "3.15.0trc1", "t", "3.14t"];
        let flavoured = ["3.13.5+", "3.13.5+x", "3.13.5+debugt", "3.13.5+ubsan+asan", "3.14.1+freethreaded", "+asan"];
        for text in bad.iter().chain(&worse).chain(&worst).chain(&flavoured) {
            let error = text.parse::<Version>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("invalid CPython version `{text}`")), "{error}");
        }
    }

    #[test]
    fn a_free_threaded_build_belongs_to_the_same_release() {
        let free = version("3.15.0rc1t");
        assert!(free.is_free_threaded() && free.is_prerelease());
        assert_eq!((free.release(), free.base()), (version("3.15.0rc1"), version("3.15.0")));
        assert_eq!(version("3.15.2").with_flavours_of(&free), version("3.15.2t"));
        let error = "3.12.6t".parse::<Version>().unwrap_err().to_string();
        assert_eq!(error, "unsupported version `3.12.6t`: free-threaded builds require CPython 3.13 or later");
    }

    #[test]
    fn versions_are_ordered_as_released() {
        let ordered =
            ["3.9.20", "3.13.5", "3.13.15", "3.15.0a2", "3.15.0a10", "3.15.0b1", "3.15.0rc1", "3.15.0", "3.15.1"];
        assert!(ordered.map(version).is_sorted());
        assert!(version("3.15.0rc1") < version("3.15.0"));
    }

    #[test]
    fn the_next_release_skips_none() {
        let check = |one: &str, next: &str, expect: bool| {
            assert_eq!(version(next).directly_follows(&version(one)), expect, "{one} {next}");
        };
        check("3.13.9", "3.13.10", true);
        check("3.13.9", "3.13.11", false);
        check("3.13.10", "3.13.9", false);
        check("3.13.9", "3.14.10", false);
        check("3.15.0rc1", "3.15.0", false);
        check("3.15.0", "3.15.1", true);
    }

    #[test]
    fn a_candidate_has_a_final_release() {
        let candidate = version("3.15.0rc1");
        assert_eq!((candidate.base(), candidate.minor()), (version("3.15.0"), (3, 15)));
        assert!(candidate.is_prerelease() && !candidate.base().is_prerelease());
    }
}
