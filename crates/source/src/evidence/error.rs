//! Why a source is not believed.

use crate::SourceError;
use std::io;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::Version;
use vmbuild_fetch::signature::{SignatureError, SigstoreError};

/// Why a source is not believed.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// There is a signature, and it does not hold.
    #[error("{place} does not vouch for {file}")]
    Signature {
        /// Where the signature was found.
        place: String,
        /// The source.
        file: String,
        /// Why.
        #[source]
        source: SignatureError,
    },
    /// There is a bundle, and it does not hold.
    #[error("{place} does not vouch for {file}")]
    Bundle {
        /// Where the bundle was found.
        place: String,
        /// The source.
        file: String,
        /// Why.
        #[source]
        source: SigstoreError,
    },
    /// There is a bill of materials, and it is another file's.
    #[error("{place} is not the bill of materials of {file}")]
    OtherBill {
        /// Where it was found.
        place: String,
        /// The source.
        file: String,
    },
    /// A signature was demanded, and there is none.
    #[error("no signature of CPython {version} could be verified:{}", lines(reasons))]
    Required {
        /// The version.
        version: Version,
        /// Why not, for each kind.
        reasons: Vec<String>,
    },
    /// The search itself.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store's files.
    #[error("failed to keep the evidence in the store")]
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
                    "nothing was built from it; `--source FILE|URL` takes another copy, with what lies beside it"
                        .to_owned(),
                ]
            }
            Self::Required { .. } => vec![
                "without --require-signature the pinned sha256 is enough".to_owned(),
                "`--source FILE` looks for FILE.asc and FILE.sigstore beside the archive".to_owned(),
            ],
            Self::Source(error) => error.hints(),
            Self::Store(_) => Vec::new(),
        }
    }
}

fn lines(reasons: &[String]) -> String {
    reasons.iter().flat_map(|reason| ["\n  ", reason]).collect()
}
