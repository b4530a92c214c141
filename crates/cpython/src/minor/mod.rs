//! Facts about each minor version: its schedule, options, modules and quirks.
//!
//! Options, modules and dates change with minor versions, and new patch releases appear faster than any table of
//! patch releases is updated. So these facts depend on the minor version alone: `provision/cpython/minors.toml`, compiled
//! in. An unlisted patch release has the facts of its minor version.

use crate::month::Month;
use crate::schema::Schema;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

static TABLE: LazyLock<MinorTable> = LazyLock::new(|| {
    MinorTable::parse(include_str!("../../../../provision/cpython/minors.toml"))
        .expect("the table is part of this program, and a test parses it")
});

/// Returns the compiled-in table of minor versions.
pub fn minors() -> &'static MinorTable {
    &TABLE
}

/// A table of minor versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinorTable {
    /// Schema version of this file.
    pub schema: Schema,
    /// Facts that all minor versions share.
    pub common: CommonFacts,
    minor: Vec<MinorFacts>,
}

/// Facts that all minor versions share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonFacts {
    /// Modules that need a system library, or that configure silently omits when it cannot build them.
    pub modules: Vec<String>,
    /// Extension modules: each is a file in `lib-dynload`, or is built into the interpreter.
    pub compiled: Vec<String>,
}

/// One minor version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinorFacts {
    /// Version number, such as 3.13.
    #[serde(rename = "minor")]
    pub number: MinorNumber,
    /// Month of the first final release, past or scheduled.
    pub released: Month,
    /// Last month of bug fixes.
    pub bugfix_until: Month,
    /// Last month of security fixes.
    pub end_of_life: Month,
    /// Configure options that not every minor version has.
    pub options: Vec<String>,
    /// Modules that a complete build must be able to import, in addition to [`CommonFacts::modules`].
    #[serde(default)]
    pub modules: Vec<String>,
    /// Extension modules that a complete build has, in addition to [`CommonFacts::compiled`].
    #[serde(default)]
    pub compiled: Vec<String>,
    /// Debian packages that it needs in addition to those of every minor version.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Number of files that one compilation produces, counted on Debian 12 with all libraries.
    pub objects: Option<u64>,
    /// Defects of its own makefile.
    pub quirks: Vec<Quirk>,
    /// Release manager, who signs its releases.
    pub manager: ReleaseManager,
}

/// Number of a minor version: `3.13`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MinorNumber(pub u16, pub u16);

/// Defect of CPython's own makefile that the rules in `vmbuild.mk` avoid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// It ignores a failed training run, so the profile may be empty.
    IgnoresFailedTraining,
    /// With GCC, a single process optimizes all of libpython at link time. Source: CPython issue 132257.
    OneLtoPartition,
    /// Counters are not atomic, so threads lose counts. Source: CPython issue 145801.
    PlainCounters,
}

/// A release manager, and the identities that their signatures are verified against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseManager {
    /// Name of the release manager.
    pub name: String,
    /// Fingerprint of the `OpenPGP` key that signs `.asc` files, where such are published. Source: PEP 761.
    pub pgp: Option<String>,
    /// Identity in the Sigstore bundles.
    pub sigstore: SigstoreIdentity,
}

/// Identity that a Sigstore certificate must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigstoreIdentity {
    /// Email address in the certificate.
    pub identity: String,
    /// URL of the service that authenticated it.
    pub issuer: String,
}

/// Phase in the life cycle of a minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupportPhase {
    /// Not released yet.
    Prerelease,
    /// Bugs are fixed.
    Bugfix,
    /// Only security holes are fixed.
    Security,
    /// No fixes any more.
    EndOfLife,
}

impl SupportPhase {
    /// Returns whether the version still receives fixes.
    pub fn is_active(self) -> bool {
        self != Self::EndOfLife
    }
}

impl fmt::Display for SupportPhase {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Prerelease => "prerelease",
            Self::Bugfix => "bugfix",
            Self::Security => "security",
            Self::EndOfLife => "end of life",
        })
    }
}

impl MinorTable {
    /// Parses a table.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// All minor versions, oldest first.
    pub fn all(&self) -> &[MinorFacts] {
        &self.minor
    }

    /// Returns the minor version with exactly this number.
    pub fn find(&self, number: MinorNumber) -> Option<&MinorFacts> {
        self.minor.iter().find(|minor| minor.number == number)
    }

    /// Returns the facts for a version: those of its minor version, of the nearest older one if that is not listed, or of
    /// the oldest one if the version is older than all. `None` only for an empty table.
    fn nearest(&self, version: &Version) -> Option<&MinorFacts> {
        let number = MinorNumber::of(version);
        self.minor.iter().rev().find(|minor| minor.number <= number).or(self.minor.first())
    }
}

impl MinorFacts {
    /// Returns the facts for a version.
    #[expect(clippy::missing_panics_doc, reason = "a test checks that the table has entries")]
    pub fn of(version: &Version) -> &'static Self {
        minors().nearest(version).expect("the table has entries, as a test checks")
    }

    /// Returns whether configure has an option that not every minor version has.
    pub fn has_option(&self, option: &str) -> bool {
        self.options.iter().any(|known| known == option)
    }

    /// Returns whether its own makefile has this defect.
    pub fn has_quirk(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Returns its life cycle phase in the given month.
    pub fn phase(&self, today: Month) -> SupportPhase {
        match today {
            today if today < self.released => SupportPhase::Prerelease,
            today if today <= self.bugfix_until => SupportPhase::Bugfix,
            today if today <= self.end_of_life => SupportPhase::Security,
            _ => SupportPhase::EndOfLife,
        }
    }
}

impl MinorNumber {
    /// Returns the minor version number of a version.
    pub fn of(version: &Version) -> Self {
        let (major, minor) = version.minor();
        Self(major, minor)
    }
}

impl fmt::Display for MinorNumber {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.{}", self.0, self.1)
    }
}

impl TryFrom<String> for MinorNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed =
            text.split_once('.').and_then(|(major, minor)| Some(Self(major.parse().ok()?, minor.parse().ok()?)));
        let same = parsed.filter(|number| number.to_string() == text);
        same.ok_or_else(|| format!("invalid minor version `{text}` (expected X.Y)"))
    }
}

impl From<MinorNumber> for String {
    fn from(number: MinorNumber) -> Self {
        number.to_string()
    }
}

#[cfg(test)]
mod tests;
