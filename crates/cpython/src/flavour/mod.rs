//! Variants of a build from one source: free-threaded, with assertions, with a sanitizer, with another compiler.
//!
//! A flavour is part of the version: `3.14.10t`, `3.13.5+debug`, `3.13.5+asan+ubsan`. So the artifact's name, its
//! folder, its plan and its checks tell flavours apart without special cases. The amount of optimization is
//! independent of the flavour: see [`Profile`].

mod combine;
mod flags;
mod tools;

use crate::profile::Profile;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

pub use combine::FlavourError;
pub(crate) use combine::check;
pub use flags::ANALYZER_GB;
pub(crate) use flags::{FINDINGS, environment, flags, opt};
pub use tools::{MissingTool, missing_tool};

/// One way in which a build differs from the standard one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Without the global interpreter lock: the `t` after a version. Source: PEP 703.
    FreeThreaded,
    /// CPython's own assertions and reference counts: `--with-pydebug`.
    Debug,
    /// `AddressSanitizer`: detects invalid memory accesses at run time.
    Asan,
    /// `UndefinedBehaviorSanitizer`: detects undefined behavior at run time.
    Ubsan,
    /// `ThreadSanitizer`: detects data races at run time. CPython 3.13 and later.
    Tsan,
    /// GCC's static analyzer runs during compilation and writes its findings as SARIF.
    Analyzer,
    /// Compiled with clang instead of GCC.
    Clang,
}

impl Flavour {
    /// All flavours, in the order in which a version lists them.
    pub const ALL: [Self; 7] =
        [Self::FreeThreaded, Self::Debug, Self::Asan, Self::Ubsan, Self::Tsan, Self::Analyzer, Self::Clang];

    /// Name on the command line.
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

    /// Returns whether this flavour instruments the program with a sanitizer.
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

/// A set of flavours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flavours(u8);

impl Flavours {
    /// No flavours: the standard build.
    pub const NONE: Self = Self(0);

    /// Returns whether the set contains this flavour.
    pub fn has(self, flavour: Flavour) -> bool {
        self.0 & bit(flavour) != 0
    }

    /// Adds a flavour, without checking that the flavours can be combined.
    pub(crate) fn and(self, flavour: Flavour) -> Self {
        Self(self.0 | bit(flavour))
    }

    /// Iterates over the flavours in the order of [`Flavour::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flavour> {
        Flavour::ALL.into_iter().filter(move |&flavour| self.has(flavour))
    }

    /// Returns the profile to use if none is requested.
    pub fn default_profile(self) -> Profile {
        if self.not_optimised().is_some() { Profile::Fast } else { Profile::Release }
    }

    /// Rejects a profile that these flavours do not support.
    pub fn check_profile(self, profile: Profile) -> Result<(), FlavourError> {
        match self.not_optimised() {
            Some(flavour) if profile == Profile::Release => Err(FlavourError::NotOptimised(flavour)),
            _ => Ok(()),
        }
    }

    /// Returns the flavour, if any, that rules out a release build.
    fn not_optimised(self) -> Option<Flavour> {
        self.iter().find(|&flavour| flavour != Flavour::FreeThreaded)
    }
}

fn bit(flavour: Flavour) -> u8 {
    1 << flavour as u8
}
