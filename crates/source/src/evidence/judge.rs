//! Whether a piece of evidence holds.

use super::EvidenceError;
use super::ask::File;
use super::keys::ExpectedSigner;
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
    /// The source's bill of materials. Nobody signs it; it is kept for those who ask what is in the source.
    Bill,
}

impl EvidenceKind {
    pub(super) const ALL: [Self; 3] = [Self::OpenPgp, Self::Sigstore, Self::Bill];

    /// What its file's name adds to the archive's. Source: python.org's folders of releases.
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

/// What a piece of evidence comes to.
#[derive(Debug)]
pub(super) enum Judged {
    /// It holds; a bill of materials is no signature.
    Holds(Option<SourceSignature>),
    /// It can be held neither for nor against the source.
    SaysNothing(String),
}

/// Judges. Reads the whole source: for a blocking thread.
pub(super) fn judge(
    kind: EvidenceKind,
    signer: &ExpectedSigner,
    source: &SourceArchive,
    found: &File,
) -> Result<Judged, EvidenceError> {
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
            Ok(Judged::Holds(Some(SourceSignature::Sigstore {
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

fn open_pgp(fingerprint: &str, key: &[u8], source: &SourceArchive, found: &File) -> Result<Judged, EvidenceError> {
    let bad =
        |error| EvidenceError::Signature { place: found.place.clone(), file: source.file_name.clone(), source: error };
    let keyring = Keyring::parse(key).map_err(bad)?;
    let data = fs_err::read(&source.path)?;
    match verify_detached(&keyring, &data, &found.bytes, KeyTime::WhenSigned) {
        Ok(signer) if signer.fingerprint == fingerprint => Ok(Judged::Holds(Some(SourceSignature::OpenPgp {
            fingerprint: signer.fingerprint,
            owner: signer.owner,
            signed: signer.signed.to_string(),
            from: found.place.clone(),
            sha256: digest(&found.bytes),
        }))),
        Ok(signer) => Err(bad(SignatureError::UnknownKey(signer.fingerprint))),
        // Made by the right key, over these bytes, after the day on which our copy of the key ends. Keys get more time,
        // and copies grow old.
        Err(error @ SignatureError::ExpiredKey { .. }) => {
            Ok(Judged::SaysNothing(format!("{error}, as far as vmbuild's copy of it knows")))
        }
        Err(error) => Err(bad(error)),
    }
}

/// Only whether it is about this archive: it names the archive's digest.
fn bill(kind: EvidenceKind, source: &SourceArchive, found: &File) -> Result<Judged, EvidenceError> {
    let named = serde_json::from_slice::<serde_json::Value>(&found.bytes).ok();
    let named = named.filter(|bill| bill["spdxVersion"].is_string());
    let named = named.is_some_and(|bill| bill.to_string().contains(&source.sha256.to_string()));
    if kind == EvidenceKind::Bill && named {
        return Ok(Judged::Holds(None));
    }
    Err(EvidenceError::OtherBill { place: found.place.clone(), file: source.file_name.clone() })
}

fn digest(bytes: &[u8]) -> Sha256 {
    Sha256(<sha2::Sha256 as sha2::Digest>::digest(bytes).into())
}
