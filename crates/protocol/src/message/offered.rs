//! A package that an archive offers. `vmbuild-packages` reads it from the package manager's output.

use serde::{Deserialize, Serialize};

/// A package of an archive, as the archive's signed index describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, such as `amd64` or `all`.
    pub arch: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Its place in the archive.
    pub file: String,
}
