//! Where sources are looked for, and how patiently.

use std::time::Duration;

/// The places and the limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base address of python.org or a mirror with the same layout.
    pub python_org: String,
    /// The Debian archive.
    pub debian_archive: DebianArchive,
    /// The limits.
    pub patience: Patience,
}

/// How the Debian archive's address is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebianArchive {
    /// It was given.
    At(String),
    /// This machine's apt is configured with it.
    FromApt,
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For finding the host, and again for connecting to it.
    pub connect: Duration,
    /// For the next byte.
    pub stall: Duration,
    /// Tries altogether for failures that may pass.
    pub tries: u32,
    /// Pause after the first failed try; tripled after each further one.
    pub backoff: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            tries: 3,
            backoff: Duration::from_millis(500),
        }
    }
}

impl Settings {
    /// The defaults, except where `VMBUILD_PYTHON_ORG` and `VMBUILD_DEBIAN_ARCHIVE` name other addresses.
    pub fn from_env() -> Self {
        let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            python_org: named("VMBUILD_PYTHON_ORG").unwrap_or_else(|| "https://www.python.org".to_owned()),
            debian_archive: named("VMBUILD_DEBIAN_ARCHIVE").map_or(DebianArchive::FromApt, DebianArchive::At),
            patience: Patience::default(),
        }
    }
}

/// Joins an address and a path below it with exactly one slash.
pub(super) fn below(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}
