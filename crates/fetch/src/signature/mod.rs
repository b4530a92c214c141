//! OpenPGP signatures: who signed these bytes?
//!
//! The problem: a digest says that bytes are those that somebody meant, a signature says who meant them. Publishers
//! of images and of sources sign with OpenPGP, in two forms: a detached signature beside the file, and a text that
//! carries its signature within itself. Nothing here knows what was signed or why; the caller brings the keyring that
//! it trusts for the purpose, and gets a signer or an error, never a maybe.
//!
//! Sigstore bundles are the other kind (`sigstore`): there, a mail address is what signs.
//!
//! rPGP does the mathematics. It leaves to its user what a key may be used for and when, so that stands here
//! (`standing`): self-signatures, expiry, revocation, and the subkeys' bindings.

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
