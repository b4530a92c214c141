//! Verification of the server's host key.
//!
//! An SSH server proves that it has a key; the client must know whether that is the right one. Vagrant does not check.
//! Here the key that a machine had when it was created is kept with the machine, and no other is accepted.

use super::{HostKeys, SshError, SshWay};
use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use vmbuild_core::store::write_atomically;

/// Verifies the server's key. Its verdict outlives the attempt to connect, whose own error is less specific.
#[derive(Debug, Clone)]
pub(super) struct HostKeyVerifier {
    way: SshWay,
    verdict: Arc<Mutex<Option<SshError>>>,
}

impl HostKeyVerifier {
    pub(super) fn new(way: &SshWay) -> Self {
        Self { way: way.clone(), verdict: Arc::default() }
    }

    /// Why the key was refused, if it was.
    pub(super) fn refusal(&self) -> Option<SshError> {
        self.verdict.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

impl russh::client::Handler for HostKeyVerifier {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let outcome = verify(&self.way, &key.public_key());
        let good = outcome.is_ok();
        *self.verdict.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = outcome.err();
        Ok(good)
    }
}

fn verify(way: &SshWay, got: &PublicKey) -> Result<(), SshError> {
    match &way.host_keys {
        HostKeys::Pinned { file } => match read_pinned(file)? {
            Some(known) => compare(way, &ComparedKeys { got, known: &known }, file),
            None => Ok(write_atomically(file, format!("{}\n", line(got)?).as_bytes())?),
        },
        HostKeys::Known { file } => {
            let known = known_host_keys_path(&way.host, way.port, file).map_err(io::Error::other)?;
            let known: Vec<PublicKey> = known.into_iter().map(|(_, key)| key).collect();
            if known.iter().any(|key| key.key_data() == got.key_data()) {
                return Ok(());
            }
            match known.first() {
                Some(known) => compare(way, &ComparedKeys { got, known }, file),
                None => Err(SshError::KeyUnknown { at: way.to_string(), got: fingerprint(got), file: file.clone() }),
            }
        }
    }
}

/// A server's key and the one that is expected.
struct ComparedKeys<'a> {
    got: &'a PublicKey,
    known: &'a PublicKey,
}

fn compare(way: &SshWay, keys: &ComparedKeys<'_>, file: &Path) -> Result<(), SshError> {
    let ComparedKeys { got, known } = keys;
    if got.key_data() == known.key_data() {
        return Ok(());
    }
    let (got, known) = (fingerprint(got), fingerprint(known));
    Err(SshError::KeyChanged { at: way.to_string(), got, known, file: file.to_owned() })
}

/// The algorithm of the key that is expected: the server is asked for that one first, as it may have several.
pub(super) fn expected(host_keys: &HostKeys) -> Result<Option<Algorithm>, SshError> {
    match host_keys {
        HostKeys::Pinned { file } => Ok(read_pinned(file)?.map(|key| key.algorithm())),
        HostKeys::Known { .. } => Ok(None),
    }
}

fn read_pinned(file: &Path) -> Result<Option<PublicKey>, SshError> {
    match fs_err::read_to_string(file) {
        Ok(text) => Ok(Some(PublicKey::from_openssh(text.trim()).map_err(io::Error::other)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn line(key: &PublicKey) -> io::Result<String> {
    key.to_openssh().map_err(io::Error::other)
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}
