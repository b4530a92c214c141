//! What is particular to each minor version: its schedule, its options, its modules, its quirks.
//!
//! Options, modules and dates come and go with minor versions, and a new patch release appears faster than anybody
//! lists it. So these facts hang on the minor alone: `provision/cpython/minors.toml`, compiled in. A version that
//! nobody listed has its minor's facts.

use crate::month::Month;
use crate::schema::Schema;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

static TABLE: LazyLock<Minors> = LazyLock::new(|| {
    Minors::parse(include_str!("../../../provision/cpython/minors.toml"))
        .expect("the table is part of this program, and a test parses it")
});

/// The minor versions this program knows.
pub fn minors() -> &'static Minors {
    &TABLE
}

/// A table of minor versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minors {
    /// The form of this file.
    pub schema: Schema,
    /// What every one of them has.
    pub common: Common,
    minor: Vec<Minor>,
}

/// What every minor version has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Modules that need a library of the system, or that configure leaves out silently when it cannot build them.
    pub modules: Vec<String>,
    /// Modules made of C code: each is a file in `lib-dynload`, or is in the interpreter itself.
    pub compiled: Vec<String>,
}

/// One minor version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minor {
    /// Which, such as 3.13.
    #[serde(rename = "minor")]
    pub number: MinorNumber,
    /// When its first final release came out, or shall.
    pub released: Month,
    /// The last month in which bugs are fixed.
    pub bugfix_until: Month,
    /// The last month in which security holes are fixed.
    pub end_of_life: Month,
    /// Options of configure that not every minor has.
    pub options: Vec<String>,
    /// Modules that must import from a complete build, beside [`Common::modules`].
    #[serde(default)]
    pub modules: Vec<String>,
    /// Modules made of C code that a complete build has, beside [`Common::compiled`].
    #[serde(default)]
    pub compiled: Vec<String>,
    /// Packages of Debian that it needs beside those of every minor.
    #[serde(default)]
    pub packages: Vec<String>,
    /// How many files one compilation makes, counted on a Debian 12 with all libraries.
    pub objects: Option<u64>,
    /// What its own makefile does badly.
    pub quirks: Vec<Quirk>,
    /// Who signs its releases.
    pub manager: Manager,
}

/// A minor version's number: `3.13`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MinorNumber(pub u16, pub u16);

/// What CPython's own makefile does badly, and ours better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// It goes on after a failed training run, so that a profile may come from nothing.
    IgnoresFailedTraining,
    /// With GCC, one process optimises all of libpython at the end. Source: CPython issue 132257.
    OneLtoPartition,
    /// Counters are not atomic: threads lose counts. Source: CPython issue 145801.
    PlainCounters,
}

/// A release manager, and what their signatures are checked by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manager {
    /// Their name.
    pub name: String,
    /// Fingerprint of the `OpenPGP` key that signs `.asc` files, where such are published. Source: PEP 761.
    pub pgp: Option<String>,
    /// Whom the Sigstore bundles name.
    pub sigstore: SigstoreIdentity,
}

/// Whom a Sigstore certificate must name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigstoreIdentity {
    /// The mail address in the certificate.
    pub identity: String,
    /// Address of the service that vouched for it.
    pub issuer: String,
}

/// Where a minor version is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupportPhase {
    /// Not released yet.
    Prerelease,
    /// Bugs are fixed.
    Bugfix,
    /// Only security holes are fixed.
    Security,
    /// Nothing is fixed any more.
    EndOfLife,
}

impl SupportPhase {
    /// Whether anything is still fixed.
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

impl Minors {
    /// Reads a table.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Every minor version, oldest first.
    pub fn all(&self) -> &[Minor] {
        &self.minor
    }

    /// The minor of exactly this number.
    pub fn find(&self, number: MinorNumber) -> Option<&Minor> {
        self.minor.iter().find(|minor| minor.number == number)
    }

    /// The facts that hold for a version: its minor's, those of the nearest older one where that is not listed, and the
    /// oldest one's for what is older than all. `None` only from an empty table.
    fn nearest(&self, version: &Version) -> Option<&Minor> {
        let number = MinorNumber::of(version);
        self.minor.iter().rev().find(|minor| minor.number <= number).or(self.minor.first())
    }
}

impl Minor {
    /// The facts that hold for a version.
    #[expect(clippy::missing_panics_doc, reason = "a test sees that the table has entries")]
    pub fn of(version: &Version) -> &'static Self {
        minors().nearest(version).expect("the table has entries, and a test sees to it")
    }

    /// Whether configure knows an option that not every minor has.
    pub fn knows(&self, option: &str) -> bool {
        self.options.iter().any(|known| known == option)
    }

    /// Whether its own makefile does this badly.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Where it is in its life in this month.
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
    /// The minor number of a version.
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
        same.ok_or_else(|| format!("`{text}` is no minor version: want two numbers like 3.13"))
    }
}

impl From<MinorNumber> for String {
    fn from(number: MinorNumber) -> Self {
        number.to_string()
    }
}

#[cfg(test)]
mod tests;
