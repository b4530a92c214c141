//! Which of the builds that one source can give: free-threaded, with assertions, with a sanitizer, by another compiler.
//!
//! A flavour is part of the version: `3.14.10t`, `3.13.5+debug`, `3.13.5+asan+ubsan`. So the artifact's name, its
//! folder, its plan and its checks tell flavours apart without knowing of them. How much work goes into a build is
//! another matter: its [`Profile`].

mod combine;
mod flags;
mod set;
mod tools;

use crate::profile::Profile;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

pub use combine::FlavourError;
pub(crate) use combine::check;
pub use flags::{ANALYZER_GB, FINDINGS};
pub(crate) use flags::{environment, flags, opt};
pub use set::Flavours;
pub use tools::{MissingTool, missing_tool};

/// One way in which a build differs from the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Without the global interpreter lock: the `t` behind a version. Source: PEP 703.
    FreeThreaded,
    /// CPython's own assertions and reference counts: `--with-pydebug`.
    Debug,
    /// Finds wrong accesses to memory while it runs.
    Asan,
    /// Finds undefined behaviour while it runs.
    Ubsan,
    /// Finds data races while it runs. CPython 3.13 and later.
    Tsan,
    /// GCC looks for mistakes while it compiles, and leaves its findings as SARIF.
    Analyzer,
    /// Compiled by clang instead of GCC.
    Clang,
}

impl Flavour {
    /// Every flavour, in the order in which a version names them.
    pub const ALL: [Self; 7] =
        [Self::FreeThreaded, Self::Debug, Self::Asan, Self::Ubsan, Self::Tsan, Self::Analyzer, Self::Clang];

    /// Its name, as on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::FreeThreaded => "freethreaded",
            Self::Debug => "debug",
            Self::Asan => "asan",
            Self::Ubsan => "ubsan",
            Self::Tsan => "tsan",
            Self::Analyzer => "analyzer",
            Self::Clang => "clang",
        }
    }

    /// Whether the program watches itself while it runs.
    pub fn is_sanitizer(self) -> bool {
        matches!(self, Self::Asan | Self::Ubsan | Self::Tsan)
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl FromStr for Flavour {
    type Err = FlavourError;

    fn from_str(text: &str) -> Result<Self, FlavourError> {
        let found = Self::ALL.into_iter().find(|flavour| flavour.name() == text);
        found.ok_or_else(|| FlavourError::Unknown(text.to_owned()))
    }
}

impl Flavours {
    /// The profile of a build for which nobody named one.
    pub fn usual_profile(self) -> Profile {
        if self.not_optimised().is_some() { Profile::Fast } else { Profile::Release }
    }

    /// Refuses a profile that does not go with these flavours.
    pub fn check_profile(self, profile: Profile) -> Result<(), FlavourError> {
        match self.not_optimised() {
            Some(flavour) if profile == Profile::Release => Err(FlavourError::NotOptimised(flavour)),
            _ => Ok(()),
        }
    }

    /// The flavour, if any, that a release build makes no sense with or cannot have.
    fn not_optimised(self) -> Option<Flavour> {
        self.iter().find(|&flavour| flavour != Flavour::FreeThreaded)
    }
}
