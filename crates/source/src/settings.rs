//! Settings for fetching sources.

use super::evidence::SignerTable;
use vmbuild_fetch::download::RetryPolicy;

/// Largest source archive or index, in bytes.
pub(super) const LONGEST: u64 = 1 << 30;

/// Settings for fetching sources.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Base address of python.org or a mirror with the same layout.
    pub python_org: String,
    /// The Debian archive.
    pub debian_archive: DebianArchive,
    /// Timeouts and retries.
    pub retry: RetryPolicy,
    /// The accepted signers.
    pub signers: SignerTable,
}

/// The address of the Debian archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebianArchive {
    /// A given address.
    At(String),
    /// The one this host's apt is configured with.
    FromApt,
}

impl SourceSettings {
    /// The defaults, except where `VMBUILD_PYTHON_ORG` and `VMBUILD_DEBIAN_ARCHIVE` name other addresses.
    pub fn from_env() -> Self {
        let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            python_org: named("VMBUILD_PYTHON_ORG").unwrap_or_else(|| "https://www.python.org".to_owned()),
            debian_archive: named("VMBUILD_DEBIAN_ARCHIVE").map_or(DebianArchive::FromApt, DebianArchive::At),
            retry: RetryPolicy::default(),
            signers: SignerTable::Shipped,
        }
    }
}

/// Joins an address and a path below it with exactly one slash.
pub(super) fn below(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}
