//! What is known about an image in the store: a JSON file beside it.

use super::FileDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use vmbuild_fetch::signature::SignatureSigner;

/// The number that [`CloudRecord::schema`] has in this version.
pub(super) const SCHEMA: u32 = 1;

/// What is known about an image in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudRecord {
    /// Version of this file's form.
    pub schema: u32,
    /// The image's name.
    pub image: String,
    /// Its release.
    pub release: String,
    /// Where it was fetched.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex, whatever kind is pinned.
    pub sha256: String,
    /// The pinned digest that it has.
    pub pinned: FileDigest,
    /// When it was fetched.
    pub fetched: Timestamp,
    /// Who vouches for the pin.
    pub vouched: VouchedPin,
}

/// Who vouches for a pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum VouchedPin {
    /// The publisher: the pin stands in a list of checksums with a good signature.
    Publisher {
        /// Who signed it, and when.
        signer: SignatureSigner,
    },
    /// Nobody but the pin: the publisher signs nothing.
    PinAlone {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for VouchedPin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The address behind the name says nothing more to people.
            Self::Publisher { signer } => {
                write!(to, "signed by {}", signer.owner.split(" <").next().unwrap_or(&signer.owner))
            }
            Self::PinAlone { .. } => to.write_str("pinned, not signed"),
        }
    }
}
