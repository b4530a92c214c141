//! Verification of OpenPGP signatures.

use crate::signature::certificate::issuers;
use crate::signature::key_validity::after;
use crate::signature::{KeyTime, Keyring, SignatureError};
use jiff::{SignedDuration, Timestamp};
use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use serde::{Deserialize, Serialize};

/// Accepted difference between clocks.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// Hashes without known collisions.
const HASHES: [HashAlgorithm; 5] = [
    HashAlgorithm::Sha256,
    HashAlgorithm::Sha384,
    HashAlgorithm::Sha512,
    HashAlgorithm::Sha3_256,
    HashAlgorithm::Sha3_512,
];

/// The signer of a verified signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureSigner {
    /// The primary key's fingerprint, in upper-case hex.
    pub fingerprint: String,
    /// The key's owner, from its user id.
    pub owner: String,
    /// The signature's time.
    pub signed: Timestamp,
}

/// Verifies the detached `signature` over `data`, armoured or binary. Of several signatures one good one is enough.
pub fn verify_detached(
    keyring: &Keyring,
    data: &[u8],
    signature: &[u8],
    time: KeyTime,
) -> Result<SignatureSigner, SignatureError> {
    let malformed = |error: pgp::errors::Error| SignatureError::Malformed(error.to_string());
    let signatures: Vec<_> = if signature.trim_ascii_start().starts_with(b"-----BEGIN") {
        let (signatures, _) = DetachedSignature::from_armor_many(signature).map_err(malformed)?;
        signatures.collect::<Result<_, _>>().map_err(malformed)?
    } else {
        let signatures = DetachedSignature::from_bytes_many(signature).map_err(malformed)?;
        signatures.collect::<Result<_, _>>().map_err(malformed)?
    };
    first_good(keyring, signatures.iter().map(|one| &one.signature), data, time)
}

/// Verifies a document that contains its signature. Returns the signed text, with `\n` at the ends of lines and without
/// anything around it, and its signer.
pub fn verify_cleartext(
    keyring: &Keyring,
    document: &[u8],
    time: KeyTime,
) -> Result<(String, SignatureSigner), SignatureError> {
    let malformed = |error: pgp::errors::Error| SignatureError::Malformed(error.to_string());
    let (message, _) = CleartextSignedMessage::from_armor(document).map_err(malformed)?;
    let text = message.signed_text();
    let signer = first_good(keyring, message.signatures().iter(), text.as_bytes(), time)?;
    Ok((text.replace("\r\n", "\n"), signer))
}

fn first_good<'a>(
    keyring: &Keyring,
    signatures: impl Iterator<Item = &'a Signature>,
    data: &[u8],
    time: KeyTime,
) -> Result<SignatureSigner, SignatureError> {
    let mut first = None;
    for signature in signatures {
        match verify_one(keyring, signature, data, time) {
            Ok(signer) => return Ok(signer),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| SignatureError::Malformed("there is no signature in it".to_owned())))
}

fn verify_one(
    keyring: &Keyring,
    signature: &Signature,
    data: &[u8],
    time: KeyTime,
) -> Result<SignatureSigner, SignatureError> {
    let signed = check_form(signature)?;
    for certificate in &keyring.certificates {
        if let Some(verdict) = certificate.verify(signature, data, signed, time) {
            let (fingerprint, owner) = (certificate.fingerprint(), certificate.owner());
            return verdict.map(|()| SignatureSigner { fingerprint, owner, signed });
        }
    }
    let named = keyring.certificates.iter().find(|certificate| certificate.is_named_by(signature));
    Err(match named {
        Some(certificate) => SignatureError::Mismatch(certificate.owner()),
        None => SignatureError::UnknownKey(issuers(signature).into_iter().next().unwrap_or_else(|| "?".to_owned())),
    })
}

/// The signature's time, if its type and hash are accepted. No key is used yet.
fn check_form(signature: &Signature) -> Result<Timestamp, SignatureError> {
    let weak = |what: String| Err(SignatureError::Weak(what));
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return weak(format!("{:?}", signature.typ()));
    }
    if !signature.hash_alg().is_some_and(|hash| HASHES.contains(&hash)) {
        return weak(format!("{:?}", signature.hash_alg()));
    }
    let Some(made) = signature.created() else { return weak("without a date".to_owned()) };
    let Some(signed) = after(made, 0) else { return weak("without a date".to_owned()) };
    if signed > Timestamp::now() + SKEW {
        return Err(SignatureError::Future(signed));
    }
    let lasts = signature.signature_expiration_time().map_or(0, pgp::types::Duration::as_secs);
    match after(made, lasts) {
        Some(end) if lasts > 0 && end < Timestamp::now() => Err(SignatureError::Expired(end)),
        _ => Ok(signed),
    }
}
