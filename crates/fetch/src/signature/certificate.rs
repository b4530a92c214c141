//! One key with its subkeys and its owner's name.

use crate::signature::key_validity::{KeyLifetime, primary_lifetime, subkey_lifetime};
use crate::signature::{KeyTime, SignatureError};
use jiff::Timestamp;
use pgp::composed::SignedPublicKey;
use pgp::packet::Signature;
use pgp::types::KeyDetails;

/// One key with its subkeys and its owner's name.
#[derive(Debug)]
pub(super) struct PgpCertificate {
    key: SignedPublicKey,
}

impl PgpCertificate {
    pub(super) fn new(key: SignedPublicKey) -> Self {
        Self { key }
    }

    /// The primary key's fingerprint, in upper-case hex.
    pub(super) fn fingerprint(&self) -> String {
        fingerprint(&self.key.primary_key)
    }

    /// The owner, from the user id that was certified last; the fingerprint if there is none.
    pub(super) fn owner(&self) -> String {
        let newest =
            |signatures: &[Signature]| signatures.iter().filter_map(Signature::created).max_by_key(|at| at.as_secs());
        let users = self.key.details.users.iter();
        let user = users.max_by_key(|user| newest(&user.signatures).map_or(0, pgp::types::Timestamp::as_secs));
        let name = user.and_then(|user| user.id.as_str()).map(str::to_owned);
        name.unwrap_or_else(|| self.fingerprint())
    }

    /// True if one of its keys made `signature` over `data` and was allowed to. `None` if none of them made it.
    pub(super) fn verify(
        &self,
        signature: &Signature,
        data: &[u8],
        signed: Timestamp,
        time: KeyTime,
    ) -> Option<Result<(), SignatureError>> {
        if signature.verify(&self.key.primary_key, data).is_ok() {
            return Some(
                primary_lifetime(&self.key, time, signed).and_then(|life| self.check_lifetime(life, time, signed)),
            );
        }
        let subkey = self.key.public_subkeys.iter().find(|subkey| signature.verify(&subkey.key, data).is_ok())?;
        let primary = primary_lifetime(&self.key, time, signed).and_then(|life| {
            // The primary key need not be for signing, but it must be valid.
            self.check_lifetime(KeyLifetime { for_signing: true, ..life }, time, signed)
        });
        let own = || {
            subkey_lifetime(&self.key, subkey, time, signed).and_then(|life| self.check_lifetime(life, time, signed))
        };
        Some(primary.and_then(|()| own()))
    }

    fn check_lifetime(&self, life: KeyLifetime, time: KeyTime, signed: Timestamp) -> Result<(), SignatureError> {
        let key = self.fingerprint();
        if !life.for_signing {
            return Err(SignatureError::UnfitKey(key));
        }
        match life.ends {
            Some(at) if at <= time.of(signed) => Err(SignatureError::ExpiredKey { key, at }),
            _ => Ok(()),
        }
    }

    /// True if `signature` names one of its keys.
    pub(super) fn is_named_by(&self, signature: &Signature) -> bool {
        let named = issuers(signature);
        let names = |key: &dyn KeyDetails| [fingerprint(key), key.legacy_key_id().to_string().to_uppercase()];
        let mut all = names(&self.key.primary_key).to_vec();
        all.extend(self.key.public_subkeys.iter().flat_map(|subkey| names(&subkey.key)));
        all.iter().any(|name| named.contains(name))
    }
}

/// The keys a signature names, fingerprints first, in upper-case hex.
pub(super) fn issuers(signature: &Signature) -> Vec<String> {
    let fingerprints = signature.issuer_fingerprint().into_iter().map(|one| one.to_string().to_uppercase());
    let ids = signature.issuer_key_id().into_iter().map(|one| one.to_string().to_uppercase());
    fingerprints.chain(ids).collect()
}

/// A key's fingerprint, in upper-case hex.
pub(super) fn fingerprint(key: &(impl KeyDetails + ?Sized)) -> String {
    key.fingerprint().to_string().to_uppercase()
}
