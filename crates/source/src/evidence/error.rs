//! Errors of a source's evidence.

use crate::SourceError;
use std::io;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::Version;
use vmbuild_fetch::signature::{SignatureError, SigstoreError};

/// Why a source's evidence was rejected.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A signature does not verify.
    #[error("{place} does not verify {file}")]
    Signature {
        /// The signature's place.
        place: String,
        /// The source.
        file: String,
        /// The reason.
        #[source]
        source: SignatureError,
    },
    /// A bundle does not verify.
    #[error("{place} does not verify {file}")]
    Bundle {
        /// The bundle's place.
        place: String,
        /// The source.
        file: String,
        /// The reason.
        #[source]
        source: SigstoreError,
    },
    /// A bill of materials belongs to another file.
    #[error("{place} is not the bill of materials of {file}")]
    OtherBill {
        /// Its place.
        place: String,
        /// The source.
        file: String,
    },
    /// A signature is required, and none is available.
    #[error("no signature of CPython {version} could be verified:{}", lines(reasons))]
    Required {
        /// The version.
        version: Version,
        /// The reason for each kind.
        reasons: Vec<String>,
    },
    /// The search itself.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store's files.
    #[error("failed to store the evidence")]
    Store(#[from] io::Error),
}

impl Diagnose for EvidenceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Signature { .. } | Self::Bundle { .. } | Self::OtherBill { .. } | Self::Required { .. } => {
                Exit::Integrity
            }
            Self::Source(error) => error.exit(),
            Self::Store(_) => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Signature { .. } | Self::Bundle { .. } | Self::OtherBill { .. } => {
                vec![
                    "nothing was built from it; `--source FILE|URL` uses another copy and the signatures next to it"
                        .to_owned(),
                ]
            }
            Self::Required { .. } => vec![
                "without --require-signature the pinned sha256 is enough".to_owned(),
                "`--source FILE` looks for FILE.asc and FILE.sigstore next to the archive".to_owned(),
            ],
            Self::Source(error) => error.hints(),
            Self::Store(_) => Vec::new(),
        }
    }
}

fn lines(reasons: &[String]) -> String {
    reasons.iter().flat_map(|reason| ["\n  ", reason]).collect()
}
