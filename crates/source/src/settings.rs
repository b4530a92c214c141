//! Where sources are looked for, and how patiently.

use super::evidence::Signers;
use vmbuild_fetch::download::RetryPolicy;

/// No source archive or index is longer, in bytes; what is longer is not what was asked for.
pub(super) const LONGEST: u64 = 1 << 30;

/// The places and the limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base address of python.org or a mirror with the same layout.
    pub python_org: String,
    /// The Debian archive.
    pub debian_archive: DebianArchive,
    /// The limits.
    pub patience: RetryPolicy,
    /// Whose signatures count.
    pub signers: Signers,
}

/// How the Debian archive's address is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebianArchive {
    /// It was given.
    At(String),
    /// This machine's apt is configured with it.
    FromApt,
}

impl Settings {
    /// The defaults, except where `VMBUILD_PYTHON_ORG` and `VMBUILD_DEBIAN_ARCHIVE` name other addresses.
    pub fn from_env() -> Self {
        let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            python_org: named("VMBUILD_PYTHON_ORG").unwrap_or_else(|| "https://www.python.org".to_owned()),
            debian_archive: named("VMBUILD_DEBIAN_ARCHIVE").map_or(DebianArchive::FromApt, DebianArchive::At),
            patience: RetryPolicy::default(),
            signers: Signers::Shipped,
        }
    }
}

/// Joins an address and a path below it with exactly one slash.
pub(super) fn below(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}
