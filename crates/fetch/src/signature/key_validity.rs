//! Uses and lifetime of a key, from its own signatures.
//!
//! Source: RFC 9580, sections 5.2.3.10 (a newer self-signature replaces an older one), 5.2.3.13 (key expiration),
//! 5.2.3.29 (key flags), 10.1.5 (a signing subkey signs its primary key in return).

use crate::signature::SignatureError;
use crate::signature::certificate::fingerprint;
use jiff::{SignedDuration, Timestamp};
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag};

/// The time at which a key must be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTime {
    /// Now: for data that is signed regularly, where an expired key means that something is wrong.
    Now,
    /// At the time of the signature: for releases of years ago.
    WhenSigned,
}

impl KeyTime {
    pub(super) fn of(self, signed: Timestamp) -> Timestamp {
        match self {
            Self::Now => Timestamp::now(),
            Self::WhenSigned => signed,
        }
    }
}

/// Lifetime and use of a key, from its self-signatures.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyLifetime {
    /// Its expiry, if any.
    pub(super) ends: Option<Timestamp>,
    pub(super) for_signing: bool,
}

/// The lifetime of a primary key.
pub(super) fn primary_lifetime(
    key: &SignedPublicKey,
    time: KeyTime,
    signed: Timestamp,
) -> Result<KeyLifetime, SignatureError> {
    let primary = &key.primary_key;
    if key.details.revocation_signatures.iter().any(|one| one.verify_key(primary).is_ok()) {
        return Err(SignatureError::RevokedKey(fingerprint(primary)));
    }
    let direct = key.details.direct_signatures.iter().filter(|one| one.verify_key(primary).is_ok());
    let certified = key.details.users.iter().flat_map(|user| {
        let own = |one: &&Signature| one.typ() != Some(SignatureType::CertRevocation);
        let valid = |one: &&Signature| one.verify_certification(primary, Tag::UserId, &user.id).is_ok();
        user.signatures.iter().filter(own).filter(valid)
    });
    let newest = newest(direct.chain(certified), time.of(signed));
    let newest = newest.ok_or_else(|| SignatureError::UnfitKey(fingerprint(primary)))?;
    // A primary key without flags is valid for every use.
    let for_signing = newest.key_flags().sign() || !has_flags(newest);
    Ok(KeyLifetime { ends: ends(primary, newest), for_signing })
}

/// The lifetime of a subkey.
pub(super) fn subkey_lifetime(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    time: KeyTime,
    signed: Timestamp,
) -> Result<KeyLifetime, SignatureError> {
    let primary = &key.primary_key;
    let bound = || subkey.signatures.iter().filter(|one| one.verify_subkey_binding(primary, &subkey.key).is_ok());
    if bound().any(|one| one.typ() == Some(SignatureType::SubkeyRevocation)) {
        return Err(SignatureError::RevokedKey(fingerprint(&subkey.key)));
    }
    let newest = newest(bound(), time.of(signed));
    let newest = newest.ok_or_else(|| SignatureError::UnfitKey(fingerprint(&subkey.key)))?;
    // Otherwise a foreign signing key could be adopted as a subkey, and with it that key's signatures.
    let returned = newest.embedded_signature();
    let returned = returned.is_some_and(|one| one.verify_primary_key_binding(&subkey.key, primary).is_ok());
    Ok(KeyLifetime { ends: ends(&subkey.key, newest), for_signing: newest.key_flags().sign() && returned })
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, at: Timestamp) -> Option<&'a Signature> {
    let usable = |one: &&Signature| one.hash_alg() != Some(HashAlgorithm::Md5);
    let made = |one: &Signature| one.created().map(|at| i64::from(at.as_secs()));
    let in_time = |one: &&Signature| made(one).is_some_and(|made| made <= at.as_second());
    signatures.filter(usable).filter(in_time).max_by_key(|one| made(one))
}

fn has_flags(signature: &Signature) -> bool {
    let mut packets = signature.config().into_iter().flat_map(pgp::packet::SignatureConfig::hashed_subpackets);
    packets.any(|packet| matches!(packet.data, SubpacketData::KeyFlags(_)))
}

fn ends(key: &impl KeyDetails, signature: &Signature) -> Option<Timestamp> {
    let seconds = signature.key_expiration_time()?.as_secs();
    (seconds > 0).then(|| after(key.created_at(), seconds)).flatten()
}

/// A time as a `Timestamp`; `None` outside its range, which 32 bits never exceed.
pub(super) fn after(from: pgp::types::Timestamp, seconds: u32) -> Option<Timestamp> {
    let from = Timestamp::from_second(i64::from(from.as_secs())).ok()?;
    from.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok()
}
