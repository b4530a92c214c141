//! Cryptography for the verifier, from the crates that OpenPGP needs anyway.
//!
//! The default provider is a C library that takes minutes to compile. The public instance uses two curves and Ed25519;
//! RSA is not supported.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::Digest;
use sigstore_verify::crypto::provider::{CryptoProvider, HashContext, install_default_provider};
use sigstore_verify::crypto::{Error, Result, SigningScheme};
use sigstore_verify::types::HashAlgorithm;

/// Installs it as this program's provider. A second call changes nothing.
pub(super) fn install() {
    // A second call fails because a provider is installed already.
    let _ = install_default_provider(&RustCrypto);
}

#[derive(Debug)]
struct RustCrypto;

struct SigstoreHasher<D>(D);

impl<D: Digest + Send> HashContext for SigstoreHasher<D> {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for RustCrypto {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(SigstoreHasher(sha2::Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(SigstoreHasher(sha2::Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(SigstoreHasher(sha2::Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(format!("{other} is not used"))),
        }
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        if scheme == SigningScheme::Ed25519 {
            return ed25519(key, data, signature);
        }
        let algorithm = scheme.hash_algorithm().ok_or_else(|| unused(scheme))?;
        let mut hash = self.hash(algorithm)?;
        hash.update(data);
        self.verify_prehashed(scheme, key, &hash.finalize(), signature)
    }

    fn verify_prehashed(&self, scheme: SigningScheme, key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
        use SigningScheme as S;
        match scheme {
            S::EcdsaP256Sha256 | S::EcdsaP256Sha384 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(invalid)?;
                let signature = p256::ecdsa::Signature::from_der(signature).map_err(invalid)?;
                key.verify_prehash(digest, &signature).map_err(invalid)
            }
            S::EcdsaP384Sha256 | S::EcdsaP384Sha384 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(invalid)?;
                let signature = p384::ecdsa::Signature::from_der(signature).map_err(invalid)?;
                key.verify_prehash(digest, &signature).map_err(invalid)
            }
            other => Err(unused(other)),
        }
    }
}

fn ed25519(key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
    let key = ed25519_dalek::VerifyingKey::try_from(key).map_err(invalid)?;
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(invalid)?;
    key.verify_strict(data, &signature).map_err(invalid)
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::Verification(error.to_string())
}

fn unused(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(format!("{} is not used by the public instance", scheme.name()))
}
