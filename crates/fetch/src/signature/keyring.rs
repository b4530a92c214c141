//! Keyrings.

use crate::signature::SignatureError;
use crate::signature::certificate::PgpCertificate;
use pgp::composed::{Deserializable, SignedPublicKey};

/// The beginning of an armoured key. Source: RFC 9580, section 6.2.
const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Keys that are trusted for a purpose; at least one.
#[derive(Debug)]
pub struct Keyring {
    pub(super) certificates: Vec<PgpCertificate>,
}

impl Keyring {
    /// Reads keys: either in binary, or armoured, one block after the other. Keys that cannot be read are not trusted, which
    /// is an error only if there is no other.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let keys = match std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN)) {
            Some(text) => armoured(text),
            None => binary(bytes),
        };
        let mut certificates = Vec::new();
        let mut reason = "there is no key in it".to_owned();
        for key in keys {
            match key {
                Ok(key) => certificates.push(PgpCertificate::new(key)),
                Err(error) => reason = error.to_string(),
            }
        }
        if certificates.is_empty() { Err(SignatureError::Keyring(reason)) } else { Ok(Self { certificates }) }
    }

    /// The fingerprints of its primary keys, in upper-case hex.
    pub fn fingerprints(&self) -> Vec<String> {
        self.certificates.iter().map(PgpCertificate::fingerprint).collect()
    }
}

type Keys = Vec<pgp::errors::Result<SignedPublicKey>>;

fn armoured(text: &str) -> Keys {
    let starts = text.match_indices(BEGIN).map(|(at, _)| &text[at..]);
    let blocks = starts.map(|block| match SignedPublicKey::from_string_many(block) {
        Ok((keys, _)) => keys.collect(),
        Err(error) => vec![Err(error)],
    });
    blocks.collect::<Vec<Keys>>().into_iter().flatten().collect()
}

fn binary(bytes: &[u8]) -> Keys {
    match SignedPublicKey::from_bytes_many(bytes) {
        Ok(keys) => keys.collect(),
        Err(error) => vec![Err(error)],
    }
}
