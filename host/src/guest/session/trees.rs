//! Trees of files: what a resumable, recursive copy is made of.

use super::calls::{Session, damaged};
use super::error::SessionError;
use super::pump::Heard;
use super::request::refused;
use sha2::{Digest as _, Sha256};
use std::io::{Read, Write};
use std::path::Path;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{CHUNK, Call, Digest, Entry, Fingerprint, GetRest, List, Made, Make, Progress, PutRest, Reply};

impl Session {
    /// Says how many of the first `bytes` bytes of a file in the guest there are, and their SHA-256.
    pub async fn fingerprint(
        &self,
        path: &str,
        bytes: u64,
        cancel: &CancellationToken,
    ) -> Result<Digest, SessionError> {
        let call = Call::Fingerprint(Fingerprint { path: path.to_owned(), bytes });
        match self.ask(call)?.answer(cancel, |_| ()).await? {
            Reply::Fingerprint(digest) => Ok(digest),
            _ => Err(SessionError::WrongAnswer { asked: "fingerprint" }),
        }
    }

    /// Lists a tree in the guest.
    pub async fn list(&self, path: &str, depth: u32, cancel: &CancellationToken) -> Result<Vec<Entry>, SessionError> {
        let mut entries = Vec::new();
        let on_heard = |heard| {
            if let Heard::Progress(Progress::Listed(more)) = heard {
                entries.extend(more);
            }
        };
        match self.ask(Call::List(List { path: path.to_owned(), depth }))?.answer(cancel, on_heard).await? {
            Reply::Listed => Ok(entries),
            _ => Err(SessionError::WrongAnswer { asked: "list" }),
        }
    }

    /// Makes a folder or symbolic link in the guest.
    pub async fn make(&self, path: &str, what: Made, cancel: &CancellationToken) -> Result<(), SessionError> {
        match self.ask(Call::Make(Make { path: path.to_owned(), what }))?.answer(cancel, |_| ()).await? {
            Reply::Made => Ok(()),
            _ => Err(SessionError::WrongAnswer { asked: "make" }),
        }
    }

    /// Sends a file from `order.from` on. What has arrived stays in the guest if this breaks. `advanced` hears how
    /// many of the file's bytes are there.
    pub async fn put_rest(
        &self,
        from: &Path,
        order: PutRest,
        cancel: &CancellationToken,
        mut advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let mut file = fs_err::File::open(from).map_err(SessionError::Local)?;
        let mut hasher = Sha256::new();
        let mut bytes =
            std::io::copy(&mut (&mut file).take(order.from), &mut Hashing(&mut hasher)).map_err(SessionError::Local)?;
        let mut asked = self.ask(Call::PutRest(order))?;
        loop {
            let mut piece = vec![0; CHUNK];
            let count = file.read(&mut piece).map_err(SessionError::Local)?;
            if count == 0 {
                break;
            }
            piece.truncate(count);
            hasher.update(&piece);
            bytes += count as u64;
            asked.send(Bytes::from(piece), cancel).await?;
            advanced(bytes);
        }
        let sent = Digest { bytes, sha256: hasher.finalize().into() };
        asked.end_data(sent);
        match asked.answer(cancel, |_| ()).await? {
            Reply::Stored(stored) if stored == sent => Ok(sent),
            Reply::Stored(stored) => Err(damaged(from, stored, sent)),
            _ => Err(SessionError::WrongAnswer { asked: "file" }),
        }
    }

    /// Fetches a file behind the bytes that `file` has already, and returns the digest of the whole. `to` names it
    /// in errors; `advanced` hears how many bytes are there.
    pub async fn get_rest(
        &self,
        path: &str,
        (file, had): (&mut std::fs::File, Had),
        to: &Path,
        cancel: &CancellationToken,
        mut advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let Had { mut bytes, mut hasher } = had;
        let mut asked = self.ask(Call::GetRest(GetRest { path: path.to_owned(), from: bytes }))?;
        loop {
            match asked.next(cancel).await? {
                Heard::Data(piece) => {
                    hasher.update(&piece);
                    bytes += piece.len() as u64;
                    file.write_all(&piece).map_err(SessionError::Local)?;
                    advanced(bytes);
                }
                Heard::Done(Reply::Sent(sent)) => {
                    let got = Digest { bytes, sha256: hasher.finalize().into() };
                    return if got == sent { Ok(got) } else { Err(damaged(to, got, sent)) };
                }
                Heard::Done(_) => return Err(SessionError::WrongAnswer { asked: "file" }),
                Heard::Failed(failure) => return Err(refused(failure, cancel)),
                Heard::Output(..) | Heard::Progress(_) | Heard::End => {}
            }
        }
    }

    /// Lets the guest's root file system fill its disk, and returns its bytes then.
    pub async fn grow_root(&self, cancel: &CancellationToken) -> Result<u64, SessionError> {
        match self.ask(Call::GrowRoot)?.answer(cancel, |_| ()).await? {
            Reply::Grown { bytes } => Ok(bytes),
            _ => Err(SessionError::WrongAnswer { asked: "grow" }),
        }
    }
}

/// What a file on this side has already: how much, and the hash so far.
#[derive(Debug, Clone, Default)]
pub struct Had {
    bytes: u64,
    hasher: Sha256,
}

impl Had {
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
