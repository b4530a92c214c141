//! Errors of Sigstore bundles.

use vmbuild_core::failure::{Diagnose, Exit};

/// Why a bundle was rejected.
#[derive(Debug, thiserror::Error)]
pub enum SigstoreError {
    /// It is not a bundle.
    #[error("not a Sigstore bundle: {0}")]
    Malformed(String),
    /// It has another signer.
    #[error("unexpected signer: {0}")]
    Identity(String),
    /// It belongs to another file.
    #[error("the bundle does not match the file: {0}")]
    Mismatch(String),
    /// Certificate, signature or log entry do not verify.
    #[error("the bundle does not verify: {0}")]
    Refused(String),
    /// The compiled-in trust root cannot be used.
    #[error("unusable trust root: {0}")]
    Trust(String),
}

impl SigstoreError {
    pub(super) fn refused(error: &sigstore_verify::Error) -> Self {
        use sigstore_verify::Error;
        let text = error.to_string();
        match error {
            Error::IdentityMismatch { .. } | Error::IssuerMismatch { .. } => Self::Identity(text),
            Error::ArtifactMismatch(_) => Self::Mismatch(text),
            _ => Self::Refused(text),
        }
    }
}

impl Diagnose for SigstoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Trust(_) => Exit::Environment,
            _ => Exit::Integrity,
        }
    }

    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}
