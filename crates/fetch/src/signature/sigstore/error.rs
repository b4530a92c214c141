//! Why a bundle proves nothing.

use vmbuild_core::failure::{Diagnose, Exit};

/// Why a bundle proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum SigstoreError {
    /// It is not a bundle.
    #[error("not a Sigstore bundle: {0}")]
    Malformed(String),
    /// Somebody else signed.
    #[error("signed by somebody else: {0}")]
    Identity(String),
    /// It is about another file.
    #[error("the bundle is not over these bytes: {0}")]
    Mismatch(String),
    /// Certificate, signature or log entry do not hold.
    #[error("the bundle does not hold: {0}")]
    Refused(String),
    /// The compiled-in keys of the authorities cannot be used.
    #[error("the authorities' keys cannot be used: {0}")]
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
