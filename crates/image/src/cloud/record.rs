//! The record of an image in the store: a JSON file next to it.

use super::FileDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use vmbuild_fetch::signature::SignatureSigner;

/// The number that [`CloudRecord::schema`] has in this version.
pub(super) const SCHEMA: u32 = 1;

/// The record of an image in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudRecord {
    /// Version of the file format.
    pub schema: u32,
    /// The image's name.
    pub image: String,
    /// Its release.
    pub release: String,
    /// The address it was fetched from.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex, whatever kind is pinned.
    pub sha256: String,
    /// The pinned digest that it has.
    pub pinned: FileDigest,
    /// When it was fetched.
    pub fetched: Timestamp,
    /// The provenance of the pin.
    #[serde(rename = "vouched")]
    pub provenance: PinProvenance,
}

/// The provenance of a pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PinProvenance {
    /// The publisher: a list of checksums with a good signature contains it.
    Publisher {
        /// Signer and time.
        signer: SignatureSigner,
    },
    /// The pin alone: the publisher does not sign.
    PinAlone {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for PinProvenance {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The mail address after the name is left out.
            Self::Publisher { signer } => {
                write!(to, "signed by {}", signer.owner.split(" <").next().unwrap_or(&signer.owner))
            }
            Self::PinAlone { .. } => to.write_str("pinned, not signed"),
        }
    }
}
