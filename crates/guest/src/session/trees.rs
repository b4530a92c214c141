//! Trees of files: the requests of a resumable, recursive copy.

use super::calls::Session;
use super::error::SessionError;
use super::pump::RequestEvent;
use super::transfer::{self, LocalFile, LocalPrefix};
use std::io::Read;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{Digest, Entry, Fingerprint, GetRest, GrowRootRequest, List, Make, NewEntry, Progress, PutRest};

impl Session {
    /// Returns how many of the first `bytes` bytes of a file in the guest exist, and their SHA-256.
    pub async fn fingerprint(
        &self,
        path: &str,
        bytes: u64,
        cancel: &CancellationToken,
    ) -> Result<Digest, SessionError> {
        self.request(Fingerprint { path: path.to_owned(), bytes }, cancel).await
    }

    /// Lists a tree in the guest.
    pub async fn list(&self, path: &str, depth: u32, cancel: &CancellationToken) -> Result<Vec<Entry>, SessionError> {
        let mut entries = Vec::new();
        let on_event = |event| {
            if let RequestEvent::Progress(Progress::Listed(more)) = event {
                entries.extend(more);
            }
            Ok(())
        };
        self.start(List { path: path.to_owned(), depth })?.reply(cancel, on_event).await?;
        Ok(entries)
    }

    /// Makes a folder or symbolic link in the guest.
    pub async fn make(&self, path: &str, what: NewEntry, cancel: &CancellationToken) -> Result<(), SessionError> {
        self.request(Make { path: path.to_owned(), what }, cancel).await
    }

    /// Sends a file from `order.from` on. If interrupted, the bytes that have arrived are kept in the guest. `on_advance` is
    /// told how many of the file's bytes are there.
    pub async fn put_rest(
        &self,
        from: &Path,
        order: PutRest,
        cancel: &CancellationToken,
        on_advance: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let mut file = fs_err::File::open(from).map_err(SessionError::Local)?;
        let prefix = LocalPrefix::of((&mut file).take(order.from)).map_err(SessionError::Local)?;
        let pending = self.start(order)?;
        transfer::send_file(pending, LocalFile { file: &mut file, prefix, path: from }, cancel, on_advance).await
    }

    /// Fetches the rest of a file, after the bytes that `target` has already, and returns the digest of the whole.
    /// `on_advance` is told how many bytes are there.
    pub async fn get_rest(
        &self,
        path: &str,
        target: LocalFile<'_, std::fs::File>,
        cancel: &CancellationToken,
        on_advance: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let pending = self.start(GetRest { path: path.to_owned(), from: target.prefix.bytes() })?;
        transfer::receive_file(pending, target, cancel, on_advance).await
    }

    /// Lets the guest's root file system fill its disk, and returns its bytes then.
    pub async fn grow_root(&self, cancel: &CancellationToken) -> Result<u64, SessionError> {
        self.request(GrowRootRequest, cancel).await
    }
}
