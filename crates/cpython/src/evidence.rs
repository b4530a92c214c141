//! Evidence for a build's source: the signatures over it that could be verified.
//!
//! The digest decides what is compiled; a signature is the reason to trust that digest. The availability of a signature
//! depends on the day and the network, so it is not part of a plan; it is in the record next to the artifact.

use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;

/// Evidence for a source archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEvidence {
    /// File name of the archive.
    pub file: String,
    /// Origin of the expected digest.
    pub digest_from: DigestOrigin,
    /// Signatures that were verified over these bytes.
    pub signatures: Vec<SourceSignature>,
    /// Missing evidence, each with the reason.
    pub without: Vec<String>,
}

/// Origin of the digest that a source must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestOrigin {
    /// Pinned in vmbuild's list of releases.
    Pinned,
    /// Given by the user.
    Given,
}

/// A verified signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SourceSignature {
    /// A detached OpenPGP signature made with the release manager's key.
    OpenPgp {
        /// Fingerprint of the primary key, in upper-case hexadecimal.
        fingerprint: String,
        /// User id of the key.
        owner: String,
        /// Signing time according to the signature (RFC 3339).
        signed: String,
        /// URL or path of the signature.
        from: String,
        /// SHA-256 of the signature file.
        sha256: Sha256,
    },
    /// A Sigstore bundle issued to the release manager.
    Sigstore {
        /// Email address in the certificate.
        identity: String,
        /// Issuer that authenticated the identity.
        issuer: String,
        /// Time of the entry in the transparency log (RFC 3339).
        logged: Option<String>,
        /// URL or path of the bundle.
        from: String,
        /// SHA-256 of the bundle file.
        sha256: Sha256,
    },
}
