//! Verification of Sigstore bundles: that an identity signed the file with a digest.
//!
//! The signer has no long-lived key. An identity provider confirms a mail address, an authority issues a certificate for it
//! that is valid for ten minutes, and a public log proves that the signature was made in that time. The bundle contains
//! the proofs; the authorities' own keys are compiled in, so that the network is not used. Source: Sigstore client
//! specification, section 4.

mod error;
mod provider;
#[cfg(test)]
mod tests;

pub use error::SigstoreError;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::{Artifact, Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, VerificationResult, Verifier};
use vmbuild_archive::Sha256;

/// The identity that a certificate must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedIdentity<'a> {
    /// The mail address in the certificate.
    pub identity: &'a str,
    /// Address of the identity provider.
    pub issuer: &'a str,
}

/// The trusted authorities.
#[derive(Debug, Clone)]
pub struct SigstoreTrust {
    root: TrustedRoot,
}

/// The signer of a verified bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleSigner {
    /// The mail address in the certificate.
    pub identity: String,
    /// The identity provider.
    pub issuer: String,
    /// The log entry's time.
    pub logged: Option<Timestamp>,
}

impl SigstoreTrust {
    /// The public instance's authorities, as of the release of the crate that contains them.
    pub fn public() -> Result<Self, SigstoreError> {
        let root = TrustedRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT);
        Ok(Self { root: root.map_err(|error| SigstoreError::Trust(error.to_string()))? })
    }

    /// Verifies that `wanted` signed the file with this digest: the certificate, its log entry, the signature, its log
    /// entry, and the times of all of them.
    pub fn verify(
        &self,
        bundle: &[u8],
        digest: Sha256,
        wanted: ExpectedIdentity<'_>,
    ) -> Result<BundleSigner, SigstoreError> {
        provider::install();
        let text = std::str::from_utf8(bundle).map_err(|error| SigstoreError::Malformed(error.to_string()))?;
        let bundle = Bundle::from_json(text).map_err(|error| SigstoreError::Malformed(error.to_string()))?;
        let verifier = Verifier::new(&self.root).map_err(|error| SigstoreError::Trust(error.to_string()))?;
        let policy = VerificationPolicy::new(wanted.identity, wanted.issuer);
        let digest = Artifact::from(Sha256Hash::new(digest.0));
        let proven = verifier.verify(digest, &bundle, &policy).map_err(|error| SigstoreError::refused(&error))?;
        signer(&proven)
    }
}

/// The signer of a verified bundle, after checking once more that every part was verified.
fn signer(proven: &VerificationResult) -> Result<BundleSigner, SigstoreError> {
    let whole = proven.certificate_verified()
        && proven.sct_verified()
        && proven.tlog_verified()
        && !proven.verified_timestamps().is_empty()
        && proven.identity_policy_checked();
    match (proven.identity(), proven.issuer()) {
        (Some(identity), Some(issuer)) if whole => {
            let logged = proven.integrated_time().or_else(|| proven.verified_timestamps().first().copied());
            Ok(BundleSigner { identity: identity.as_str().to_owned(), issuer: issuer.to_owned(), logged })
        }
        _ => Err(SigstoreError::Refused("the verification is incomplete".to_owned())),
    }
}
