//! Why nobody is known to have signed something.

use jiff::Timestamp;
use vmbuild_core::failure::{Diagnose, Exit};

/// Why nobody is known to have signed something.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The keyring cannot be read, or holds no key.
    #[error("the keyring cannot be used: {0}")]
    Keyring(String),
    /// There is no signature in what should be one.
    #[error("not an OpenPGP signature: {0}")]
    Malformed(String),
    /// None of the keyring's keys made it.
    #[error("signed with the key {0}, which is not in the keyring")]
    UnknownKey(String),
    /// It was made over other bytes, or not by the key it names.
    #[error("the signature by {0} is not over these bytes")]
    Mismatch(String),
    /// The key's time is over.
    #[error("the key {key} expired at {at}")]
    ExpiredKey {
        /// Its fingerprint.
        key: String,
        /// When.
        at: Timestamp,
    },
    /// Its owner has taken it back.
    #[error("the key {0} was revoked")]
    RevokedKey(String),
    /// The key is not bound to its owner by a valid signature of its own, or was made for other uses.
    #[error("the key {0} is not one for signing")]
    UnfitKey(String),
    /// The signature was made for a limited time, which is over.
    #[error("the signature expired at {0}")]
    Expired(Timestamp),
    /// The signature says that it was made later than now.
    #[error("the signature was made in the future, at {0}")]
    Future(Timestamp),
    /// Its form or its hash is none that proves anything.
    #[error("a signature of a kind that proves nothing: {0}")]
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
