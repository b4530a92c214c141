//! Transfer of a file's bytes, and of the digest that both sides compare at the end. Whole files and the rest of an
//! interrupted one are transferred alike: they differ in the prefix that is there already.

use super::error::SessionError;
use super::pump::RequestEvent;
use super::request::{PendingRequest, expect_reply, refused};
use sha2::{Digest as _, Sha256};
use std::io::{Read, Write};
use std::path::Path;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{AgentRequest, CHUNK, Digest};

/// The first bytes of a file, as far as both sides have them: how many, and their hash.
#[derive(Debug, Clone, Default)]
pub struct LocalPrefix {
    bytes: u64,
    hasher: Sha256,
}

impl LocalPrefix {
    /// Hashes everything there is.
    pub fn of(file: impl Read) -> std::io::Result<Self> {
        let mut had = Self::default();
        let mut file = file;
        had.bytes = std::io::copy(&mut file, &mut HashingSink(&mut had.hasher))?;
        Ok(had)
    }

    /// How much there is, and its SHA-256.
    pub fn digest(&self) -> Digest {
        Digest { bytes: self.bytes, sha256: self.hasher.clone().finalize().into() }
    }

    /// How much there is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn add(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
    }
}

/// A file on this side.
#[derive(Debug)]
pub struct LocalFile<'a, F> {
    /// The open file, positioned behind `prefix`.
    pub file: &'a mut F,
    /// The bytes that need no transfer.
    pub prefix: LocalPrefix,
    /// Its path, for errors.
    pub path: &'a Path,
}

/// Sends what `source` has behind its prefix. `on_advance` is told how many bytes of the whole are there.
pub(super) async fn send_file<R: AgentRequest<Reply = Digest>>(
    mut pending: PendingRequest<'_, R>,
    source: LocalFile<'_, impl Read>,
    cancel: &CancellationToken,
    mut on_advance: impl FnMut(u64),
) -> Result<Digest, SessionError> {
    let LocalFile { file, mut prefix, path } = source;
    loop {
        let mut piece = vec![0; CHUNK];
        let count = file.read(&mut piece).map_err(SessionError::Local)?;
        if count == 0 {
            break;
        }
        piece.truncate(count);
        prefix.add(&piece);
        pending.send(Bytes::from(piece), cancel).await?;
        on_advance(prefix.bytes);
    }
    let sent = prefix.digest();
    pending.end_data(sent);
    let stored = pending.reply(cancel, |_| Ok(())).await?;
    if stored == sent { Ok(sent) } else { Err(damaged(path, stored, sent)) }
}

/// Writes what arrives behind the prefix of `target`. `on_advance` is told how many bytes of the whole are there.
pub(super) async fn receive_file<R: AgentRequest<Reply = Digest>>(
    mut pending: PendingRequest<'_, R>,
    target: LocalFile<'_, impl Write>,
    cancel: &CancellationToken,
    mut on_advance: impl FnMut(u64),
) -> Result<Digest, SessionError> {
    let LocalFile { file, mut prefix, path } = target;
    loop {
        match pending.next(cancel).await? {
            RequestEvent::Data(piece) => {
                prefix.add(&piece);
                file.write_all(&piece).map_err(SessionError::Local)?;
                on_advance(prefix.bytes);
            }
            RequestEvent::Done(reply) => {
                let (got, sent) = (prefix.digest(), expect_reply::<R>(reply)?);
                return if got == sent { Ok(got) } else { Err(damaged(path, got, sent)) };
            }
            RequestEvent::Failed(failure) => return Err(refused(failure, cancel)),
            RequestEvent::Output(..) | RequestEvent::Progress(_) | RequestEvent::End => {}
        }
    }
}

fn damaged(path: &Path, got: Digest, sent: Digest) -> SessionError {
    SessionError::Damaged { path: path.to_owned(), got: hex::encode(got.sha256), sent: hex::encode(sent.sha256) }
}

/// A writer that only hashes.
struct HashingSink<'a>(&'a mut Sha256);

impl Write for HashingSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
