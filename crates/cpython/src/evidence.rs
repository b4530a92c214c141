//! What vouches for a build's source: who signed it, as far as that was found out.
//!
//! The digest decides what is compiled. A signature says why that digest is believed. Whether one can be had depends on
//! the day and the network, so this is no part of a plan; it is in the record, beside the artifact.

use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;

/// What vouches for a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEvidence {
    /// The archive's name.
    pub file: String,
    /// Who says that this digest is the right one.
    pub digest_from: DigestOrigin,
    /// The signatures that were verified over these bytes.
    pub signatures: Vec<SourceSignature>,
    /// Which evidence there is none of, and why.
    pub without: Vec<String>,
}

/// Who says which digest a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestOrigin {
    /// vmbuild's list of releases.
    Pinned,
    /// The user.
    Given,
}

/// A signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SourceSignature {
    /// A detached OpenPGP signature by the release manager's key.
    OpenPgp {
        /// The primary key's fingerprint, in upper-case hex.
        fingerprint: String,
        /// The key's owner, as the key says it.
        owner: String,
        /// When it was signed, as the signature says it; RFC 3339.
        signed: String,
        /// Where the signature was found.
        from: String,
        /// SHA-256 of the signature's file.
        sha256: Sha256,
    },
    /// A Sigstore bundle that names the release manager.
    Sigstore {
        /// The mail address in its certificate.
        identity: String,
        /// Who vouched for it.
        issuer: String,
        /// When the transparency log took it in; RFC 3339.
        logged: Option<String>,
        /// Where the bundle was found.
        from: String,
        /// SHA-256 of the bundle's file.
        sha256: Sha256,
    },
}
