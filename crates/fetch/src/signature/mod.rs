//! Verification of signatures.
//!
//! Publishers of images and of sources sign with OpenPGP, in two forms: a detached signature next to the file, and a text
//! that contains its signature. The caller brings the keyring that it trusts for the purpose, and gets a signer or an
//! error.
//!
//! Sigstore bundles (`sigstore`) are signed by an identity, such as a mail address, instead of a key.
//!
//! rPGP does the cryptography. It leaves the validity of keys to its user, so that is implemented here (`key_validity`):
//! self-signatures, expiry, revocation, and the subkeys' bindings.

mod certificate;
mod error;
mod key_validity;
mod keyring;
mod sigstore;
#[cfg(test)]
mod tests;
mod verify;

pub use error::SignatureError;
pub use key_validity::KeyTime;
pub use keyring::Keyring;
pub use sigstore::{BundleSigner, ExpectedIdentity, SigstoreError, SigstoreTrust};
pub use verify::{SignatureSigner, verify_cleartext, verify_detached};
