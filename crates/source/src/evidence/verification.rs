//! Verification of evidence.

use super::EvidenceError;
use super::places::EvidenceFile;
use super::signers::ExpectedSigner;
use crate::SourceArchive;
use std::fmt;
use vmbuild_archive::Sha256;
use vmbuild_cpython::SourceSignature;
use vmbuild_fetch::signature::{ExpectedIdentity, KeyTime, Keyring, SignatureError, verify_detached};

/// A kind of evidence, as a file beside the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EvidenceKind {
    OpenPgp,
    Sigstore,
    /// The source's bill of materials. It is not signed; it documents the source's contents.
    Bill,
}

impl EvidenceKind {
    pub(super) const ALL: [Self; 3] = [Self::OpenPgp, Self::Sigstore, Self::Bill];

    /// The suffix of its file, after the archive's name. Source: python.org's folders of releases.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::OpenPgp => ".asc",
            Self::Sigstore => ".sigstore",
            Self::Bill => ".spdx.json",
        }
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::OpenPgp => "OpenPGP signature",
            Self::Sigstore => "Sigstore bundle",
            Self::Bill => "SPDX",
        })
    }
}

/// Outcome of a verification.
#[derive(Debug)]
pub(super) enum Verification {
    /// It is valid; a bill of materials has no signature.
    Valid(Option<SourceSignature>),
    /// It proves nothing, for this reason.
    Inconclusive(String),
}

/// Verifies a piece of evidence. Reads the whole source, and blocks.
pub(super) fn verify_evidence(
    kind: EvidenceKind,
    signer: &ExpectedSigner,
    source: &SourceArchive,
    found: &EvidenceFile,
) -> Result<Verification, EvidenceError> {
    match signer {
        ExpectedSigner::Key { fingerprint, key } => open_pgp(fingerprint, key, source, found),
        ExpectedSigner::Name { identity, trust } => {
            let expected = ExpectedIdentity { identity: &identity.identity, issuer: &identity.issuer };
            let proven = trust.verify(&found.bytes, source.sha256, expected);
            let signer = proven.map_err(|error| EvidenceError::Bundle {
                place: found.place.clone(),
                file: source.file_name.clone(),
                source: error,
            })?;
            Ok(Verification::Valid(Some(SourceSignature::Sigstore {
                identity: signer.identity,
                issuer: signer.issuer,
                logged: signer.logged.map(|at| at.to_string()),
                from: found.place.clone(),
                sha256: digest(&found.bytes),
            })))
        }
        ExpectedSigner::Nobody => bill(kind, source, found),
    }
}

fn open_pgp(
    fingerprint: &str,
    key: &[u8],
    source: &SourceArchive,
    found: &EvidenceFile,
) -> Result<Verification, EvidenceError> {
    let bad =
        |error| EvidenceError::Signature { place: found.place.clone(), file: source.file_name.clone(), source: error };
    let keyring = Keyring::parse(key).map_err(bad)?;
    let data = fs_err::read(&source.path)?;
    match verify_detached(&keyring, &data, &found.bytes, KeyTime::WhenSigned) {
        Ok(signer) if signer.fingerprint == fingerprint => Ok(Verification::Valid(Some(SourceSignature::OpenPgp {
            fingerprint: signer.fingerprint,
            owner: signer.owner,
            signed: signer.signed.to_string(),
            from: found.place.clone(),
            sha256: digest(&found.bytes),
        }))),
        Ok(signer) => Err(bad(SignatureError::UnknownKey(signer.fingerprint))),
        // Made by the right key, over these bytes, after the expiry of our copy of the key. Keys are extended, and copies
        // become outdated.
        Err(error @ SignatureError::ExpiredKey { .. }) => {
            Ok(Verification::Inconclusive(format!("{error}, according to vmbuild's copy of it")))
        }
        Err(error) => Err(bad(error)),
    }
}

/// Checks only that it names the archive's digest.
fn bill(kind: EvidenceKind, source: &SourceArchive, found: &EvidenceFile) -> Result<Verification, EvidenceError> {
    let named = serde_json::from_slice::<serde_json::Value>(&found.bytes).ok();
    let named = named.filter(|bill| bill["spdxVersion"].is_string());
    let named = named.is_some_and(|bill| bill.to_string().contains(&source.sha256.to_string()));
    if kind == EvidenceKind::Bill && named {
        return Ok(Verification::Valid(None));
    }
    Err(EvidenceError::OtherBill { place: found.place.clone(), file: source.file_name.clone() })
}

fn digest(bytes: &[u8]) -> Sha256 {
    Sha256(<sha2::Sha256 as sha2::Digest>::digest(bytes).into())
}
