//! A file's bytes on their way, and the digest that both sides compare at the end. Whole files and the rest of one
//! that was interrupted go the same way: they differ in what is there already.

use super::error::SessionError;
use super::pump::RequestEvent;
use super::request::{PendingRequest, refused};
use sha2::{Digest as _, Sha256};
use std::io::{Read, Write};
use std::path::Path;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{CHUNK, Digest, Reply};

/// What a file on this side has already: how much, and the hash so far.
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
        had.bytes = std::io::copy(&mut file, &mut Hashing(&mut had.hasher))?;
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

/// Sends what `file` has behind what the guest `had`. `from` names it in errors; `advanced` hears how many bytes of
/// the whole are there.
pub(super) async fn send(
    mut asked: PendingRequest<'_>,
    (file, mut had): (&mut impl Read, LocalPrefix),
    from: &Path,
    cancel: &CancellationToken,
    mut advanced: impl FnMut(u64),
) -> Result<Digest, SessionError> {
    loop {
        let mut piece = vec![0; CHUNK];
        let count = file.read(&mut piece).map_err(SessionError::Local)?;
        if count == 0 {
            break;
        }
        piece.truncate(count);
        had.add(&piece);
        asked.send(Bytes::from(piece), cancel).await?;
        advanced(had.bytes);
    }
    let sent = had.digest();
    asked.end_data(sent);
    match asked.answer(cancel, |_| Ok(())).await? {
        Reply::Stored(stored) if stored == sent => Ok(sent),
        Reply::Stored(stored) => Err(damaged(from, stored, sent)),
        _ => Err(SessionError::WrongAnswer { asked: "file" }),
    }
}

/// Writes what comes behind what `file` had. `to` names it in errors; `advanced` hears how many bytes of the whole
/// are there.
pub(super) async fn receive(
    mut asked: PendingRequest<'_>,
    (file, mut had): (&mut impl Write, LocalPrefix),
    to: &Path,
    cancel: &CancellationToken,
    mut advanced: impl FnMut(u64),
) -> Result<Digest, SessionError> {
    loop {
        match asked.next(cancel).await? {
            RequestEvent::Data(piece) => {
                had.add(&piece);
                file.write_all(&piece).map_err(SessionError::Local)?;
                advanced(had.bytes);
            }
            RequestEvent::Done(Reply::Sent(sent)) => {
                let got = had.digest();
                return if got == sent { Ok(got) } else { Err(damaged(to, got, sent)) };
            }
            RequestEvent::Done(_) => return Err(SessionError::WrongAnswer { asked: "file" }),
            RequestEvent::Failed(failure) => return Err(refused(failure, cancel)),
            RequestEvent::Output(..) | RequestEvent::Progress(_) | RequestEvent::End => {}
        }
    }
}

fn damaged(path: &Path, got: Digest, sent: Digest) -> SessionError {
    SessionError::Damaged { path: path.to_owned(), got: hex::encode(got.sha256), sent: hex::encode(sent.sha256) }
}

/// A place to copy to that only hashes.
struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
