//! Errors of OpenPGP signatures.

use jiff::Timestamp;
use vmbuild_core::failure::{Diagnose, Exit};

/// Why a signature was rejected.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The keyring cannot be read, or holds no key.
    #[error("unusable keyring: {0}")]
    Keyring(String),
    /// The data is not a signature.
    #[error("not an OpenPGP signature: {0}")]
    Malformed(String),
    /// None of the keyring's keys made it.
    #[error("signed with the key {0}, which is not in the keyring")]
    UnknownKey(String),
    /// It was made over other bytes, or by another key than it names.
    #[error("the signature by {0} does not match the file")]
    Mismatch(String),
    /// The key has expired.
    #[error("the key {key} expired at {at}")]
    ExpiredKey {
        /// Its fingerprint.
        key: String,
        /// When.
        at: Timestamp,
    },
    /// The key was revoked.
    #[error("the key {0} was revoked")]
    RevokedKey(String),
    /// The key is not bound to its owner by a valid signature of its own, or was made for other uses.
    #[error("the key {0} is not valid for signing")]
    UnfitKey(String),
    /// The signature has expired.
    #[error("the signature expired at {0}")]
    Expired(Timestamp),
    /// The signature's time is in the future.
    #[error("the signature was made in the future, at {0}")]
    Future(Timestamp),
    /// Its type or its hash is not accepted.
    #[error("unsupported signature type or hash: {0}")]
    Weak(String),
}

impl Diagnose for SignatureError {
    fn exit(&self) -> Exit {
        match self {
            Self::Keyring(_) => Exit::Usage,
            _ => Exit::Integrity,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Future(_) => vec!["check this machine's clock".to_owned()],
            _ => Vec::new(),
        }
    }
}
