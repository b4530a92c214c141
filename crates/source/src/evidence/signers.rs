//! Accepted signers, by version.

use super::verification::EvidenceKind;
use std::sync::Arc;
use vmbuild_cpython::minor::{ReleaseManager, SigstoreIdentity};
use vmbuild_cpython::{MinorFacts, Version};
use vmbuild_fetch::signature::SigstoreTrust;

/// The release managers' keys, by fingerprint. Source: `provision/cpython/keys/README.md`.
const KEYS: [(&str, &[u8]); 1] = [(
    "7169605F62C751356D054A26A821E680E5FA6305",
    include_bytes!("../../../../provision/cpython/keys/7169605F62C751356D054A26A821E680E5FA6305.asc"),
)];

/// Accepted signers.
#[derive(Debug, Clone)]
pub enum SignerTable {
    /// The release managers', by the tables and keys that are compiled in.
    Shipped,
    /// Only this one, for every version.
    Only {
        /// The signer.
        manager: Box<ReleaseManager>,
        /// Their key.
        key: Vec<u8>,
    },
}

/// The expected signer of one kind of evidence.
#[derive(Debug, Clone)]
pub(super) enum ExpectedSigner {
    /// An OpenPGP key.
    Key { fingerprint: String, key: Arc<[u8]> },
    /// An identity, and the trusted authorities.
    Name { identity: SigstoreIdentity, trust: Box<SigstoreTrust> },
    /// It is not signed.
    Nobody,
}

impl SignerTable {
    /// The expected signer of this kind of evidence for a version, or the reason why there is none.
    pub(super) fn of(&self, version: &Version, kind: EvidenceKind) -> Result<ExpectedSigner, String> {
        let manager = match self {
            Self::Shipped => &MinorFacts::of(version).manager,
            Self::Only { manager, .. } => manager,
        };
        match kind {
            EvidenceKind::OpenPgp => {
                let fingerprint = manager.pgp.clone().ok_or("not published since 3.14 (PEP 761)")?;
                let key =
                    self.key(&fingerprint).ok_or_else(|| format!("vmbuild has no copy of the key {fingerprint}"))?;
                Ok(ExpectedSigner::Key { fingerprint, key })
            }
            EvidenceKind::Sigstore => {
                let trust = SigstoreTrust::public().map_err(|error| error.to_string())?;
                Ok(ExpectedSigner::Name { identity: manager.sigstore.clone(), trust: Box::new(trust) })
            }
            EvidenceKind::Bill => Ok(ExpectedSigner::Nobody),
        }
    }

    fn key(&self, fingerprint: &str) -> Option<Arc<[u8]>> {
        match self {
            Self::Shipped => KEYS.iter().find(|(name, _)| *name == fingerprint).map(|(_, key)| Arc::from(*key)),
            Self::Only { key, .. } => Some(Arc::from(key.as_slice())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KEYS;
    use vmbuild_cpython::minors;
    use vmbuild_fetch::signature::Keyring;

    #[test]
    fn every_key_is_the_one_it_is_named_after_and_some_managers() {
        for (fingerprint, key) in KEYS {
            assert_eq!(Keyring::parse(key).expect("a key").fingerprints(), [fingerprint]);
            assert!(minors().all().iter().any(|minor| minor.manager.pgp.as_deref() == Some(fingerprint)));
        }
    }
}
