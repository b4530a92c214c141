//! CPython's version numbers: `3.13.5`, before a release `3.15.0a2`, `3.15.0b4`, `3.15.0rc1`, and with a `t` at the end
//! the free-threaded build of the same source: `3.14.10t`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One version of CPython. Ordered as released: `3.15.0a2` < `3.15.0rc1` < `3.15.0` < `3.15.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
    stage: Stage,
    threads: Threads,
}

/// How far it was when it came out. The order of the variants is the order in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Alpha(u16),
    Beta(u16),
    Candidate(u16),
    Final,
}

/// Which of the two builds of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Threads {
    /// The usual one.
    WithGil,
    /// The free-threaded one. Source: PEP 703.
    Free,
}

/// The first minor version that can be built free-threaded.
const FIRST_FREE_THREADED: (u16, u16) = (3, 13);

/// A text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The numbers and letters are not where they should be.
    #[error("`{0}` is no CPython version: want three numbers like 3.13.5, or 3.15.0a2, 3.15.0b4, 3.15.0rc1, 3.14.10t")]
    Form(String),
    /// There is such a version, but no such build of it.
    #[error("`{0}` cannot be: free-threaded builds exist from 3.13")]
    NotFreeThreaded(String),
}

impl Version {
    /// The release that it belongs to or led to: `3.15.0` for `3.15.0rc1`. python.org names its folders so.
    #[must_use]
    pub fn base(&self) -> Self {
        Self { stage: Stage::Final, ..self.release() }
    }

    /// The release whose source it is made from: `3.14.10` for `3.14.10t`.
    #[must_use]
    pub fn release(&self) -> Self {
        Self { threads: Threads::WithGil, ..*self }
    }

    /// Another release, built as this one is: free-threaded or not.
    #[must_use]
    pub fn built_as(&self, other: &Self) -> Self {
        Self { threads: other.threads, ..*self }
    }

    /// Whether it is the free-threaded build.
    pub fn is_free_threaded(&self) -> bool {
        self.threads == Threads::Free
    }

    /// What its programs and its library's folder have behind the minor version: `t` in a free-threaded build.
    pub fn abi_thread(&self) -> &'static str {
        if self.is_free_threaded() { "t" } else { "" }
    }

    /// Major and minor number: `(3, 13)`.
    pub fn minor(&self) -> (u16, u16) {
        (self.major, self.minor)
    }

    /// Whether it came out before the release.
    pub fn is_prerelease(&self) -> bool {
        self.stage != Stage::Final
    }
}

impl fmt::Display for Version {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.{}.{}", self.major, self.minor, self.patch)?;
        match self.stage {
            Stage::Alpha(number) => write!(to, "a{number}"),
            Stage::Beta(number) => write!(to, "b{number}"),
            Stage::Candidate(number) => write!(to, "rc{number}"),
            Stage::Final => Ok(()),
        }?;
        to.write_str(self.abi_thread())
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let parsed = parse(text).filter(|version| version.to_string() == text);
        // Written back it must be the same: that rules out `03.13.5`, `3.13.+5` and the like.
        let version = parsed.ok_or_else(|| VersionError::Form(text.to_owned()))?;
        if version.is_free_threaded() && version.minor() < FIRST_FREE_THREADED {
            return Err(VersionError::NotFreeThreaded(text.to_owned()));
        }
        Ok(version)
    }
}

fn parse(text: &str) -> Option<Version> {
    let (text, threads) = match text.strip_suffix('t') {
        Some(text) => (text, Threads::Free),
        None => (text, Threads::WithGil),
    };
    let (major, rest) = text.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let letters = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (patch, stage) = rest.split_at(letters);
    let stage = match stage.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "" => Stage::Final,
        "a" => Stage::Alpha(stage[1..].parse().ok()?),
        "b" => Stage::Beta(stage[1..].parse().ok()?),
        "rc" => Stage::Candidate(stage[2..].parse().ok()?),
        _ => return None,
    };
    Some(Version { major: major.parse().ok()?, minor: minor.parse().ok()?, patch: patch.parse().ok()?, stage, threads })
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
    fn versions_are_read_and_written_alike() {
        for text in ["3.13.5", "3.15.0rc1", "3.14.0a2", "3.15.0b4", "3.12.14", "0.0.0", "3.14.10t", "3.15.0rc1t"] {
            assert_eq!(version(text).to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_named_in_the_error() {
        let bad = ["", "3", "3.13", "3.13.x", "3.13.5.1", "3.13.5-1", "v3.13.5", " 3.13.5", "3.13.5\n", "3.015.0"];
        let worse =
            ["3.15.0rc", "3.15.0c1", "3.15.0rc01", "3.15.0a-1", "3.15.0.rc1", "3.+13.5", "3.13.99999999", "3..5"];
        let worst = ["3.14.0tt", "3.14.0t1", "3.15.0trc1", "t", "3.14t"];
        for text in bad.iter().chain(&worse).chain(&worst) {
            let error = text.parse::<Version>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no CPython version")), "{error}");
        }
    }

    #[test]
    fn a_free_threaded_build_is_another_of_the_same_release() {
        let free = version("3.15.0rc1t");
        assert!(free.is_free_threaded() && free.is_prerelease());
        assert_eq!((free.release(), free.base()), (version("3.15.0rc1"), version("3.15.0")));
        assert_eq!(version("3.15.2").built_as(&free), version("3.15.2t"));
        let error = "3.12.6t".parse::<Version>().unwrap_err().to_string();
        assert_eq!(error, "`3.12.6t` cannot be: free-threaded builds exist from 3.13");
    }

    #[test]
    fn they_are_ordered_as_released() {
        let ordered =
            ["3.9.20", "3.13.5", "3.13.15", "3.15.0a2", "3.15.0a10", "3.15.0b1", "3.15.0rc1", "3.15.0", "3.15.1"];
        assert!(ordered.map(version).is_sorted());
        assert!(version("3.15.0rc1") < version("3.15.0"));
    }

    #[test]
    fn a_candidate_knows_its_release() {
        let candidate = version("3.15.0rc1");
        assert_eq!((candidate.base(), candidate.minor()), (version("3.15.0"), (3, 15)));
        assert!(candidate.is_prerelease() && !candidate.base().is_prerelease());
    }
}
