//! Trees of files: what a resumable, recursive copy is made of.

use super::calls::Session;
use super::error::SessionError;
use super::pump::RequestEvent;
use super::transfer::{self, LocalPrefix};
use std::io::Read;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{Call, Digest, Entry, Fingerprint, GetRest, List, Made, Make, Progress, PutRest, Reply};

impl Session {
    /// Says how many of the first `bytes` bytes of a file in the guest there are, and their SHA-256.
    pub async fn fingerprint(
        &self,
        path: &str,
        bytes: u64,
        cancel: &CancellationToken,
    ) -> Result<Digest, SessionError> {
        let call = Call::Fingerprint(Fingerprint { path: path.to_owned(), bytes });
        match self.ask(call)?.answer(cancel, |_| Ok(())).await? {
            Reply::Fingerprint(digest) => Ok(digest),
            _ => Err(SessionError::WrongAnswer { asked: "fingerprint" }),
        }
    }

    /// Lists a tree in the guest.
    pub async fn list(&self, path: &str, depth: u32, cancel: &CancellationToken) -> Result<Vec<Entry>, SessionError> {
        let mut entries = Vec::new();
        let on_heard = |heard| {
            if let RequestEvent::Progress(Progress::Listed(more)) = heard {
                entries.extend(more);
            }
            Ok(())
        };
        match self.ask(Call::List(List { path: path.to_owned(), depth }))?.answer(cancel, on_heard).await? {
            Reply::Listed => Ok(entries),
            _ => Err(SessionError::WrongAnswer { asked: "list" }),
        }
    }

    /// Makes a folder or symbolic link in the guest.
    pub async fn make(&self, path: &str, what: Made, cancel: &CancellationToken) -> Result<(), SessionError> {
        match self.ask(Call::Make(Make { path: path.to_owned(), what }))?.answer(cancel, |_| Ok(())).await? {
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
        advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let mut file = fs_err::File::open(from).map_err(SessionError::Local)?;
        let had = LocalPrefix::of((&mut file).take(order.from)).map_err(SessionError::Local)?;
        let asked = self.ask(Call::PutRest(order))?;
        transfer::send(asked, (&mut file, had), from, cancel, advanced).await
    }

    /// Fetches a file behind the bytes that `file` has already, and returns the digest of the whole. `to` names it
    /// in errors; `advanced` hears how many bytes are there.
    pub async fn get_rest(
        &self,
        path: &str,
        (file, had): (&mut std::fs::File, LocalPrefix),
        to: &Path,
        cancel: &CancellationToken,
        advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let asked = self.ask(Call::GetRest(GetRest { path: path.to_owned(), from: had.bytes() }))?;
        transfer::receive(asked, (file, had), to, cancel, advanced).await
    }

    /// Lets the guest's root file system fill its disk, and returns its bytes then.
    pub async fn grow_root(&self, cancel: &CancellationToken) -> Result<u64, SessionError> {
        match self.ask(Call::GrowRoot)?.answer(cancel, |_| Ok(())).await? {
            Reply::Grown { bytes } => Ok(bytes),
            _ => Err(SessionError::WrongAnswer { asked: "grow" }),
        }
    }
}
