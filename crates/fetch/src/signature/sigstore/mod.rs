//! Sigstore bundles: did this mail address sign the file with this digest?
//!
//! There is no key to know. The signer's provider vouched for a mail address, an authority made a certificate of it that
//! lived ten minutes, and a public log says that the signature was there within them. All that proves it is in the
//! bundle, but for the authorities' own keys: those are compiled in, so that nothing is asked of the network. Source:
//! Sigstore client specification, section 4.

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
    /// Address of the service that vouched for it.
    pub issuer: &'a str,
}

/// The authorities whose word counts.
#[derive(Debug, Clone)]
pub struct SigstoreTrust {
    root: TrustedRoot,
}

/// Who signed a file, as a bundle proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleSigner {
    /// The mail address in the certificate.
    pub identity: String,
    /// Who vouched for it.
    pub issuer: String,
    /// When the log took it in.
    pub logged: Option<Timestamp>,
}

impl SigstoreTrust {
    /// Those of the public instance, as they were when the crate that carries them was released.
    pub fn public() -> Result<Self, SigstoreError> {
        let root = TrustedRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT);
        Ok(Self { root: root.map_err(|error| SigstoreError::Trust(error.to_string()))? })
    }

    /// Whether `bundle` proves that `wanted` signed the file with this digest: certificate, its place in its log, the
    /// signature, its place in the other log, and the times of all of them.
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

/// Reads the signer off what was proven; that it was proven is looked at once more.
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
        _ => Err(SigstoreError::Refused("it proves less than it must".to_owned())),
    }
}
