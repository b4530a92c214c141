//! A file's bytes on their way. Whole files and the rest of one that was interrupted go the same way: they differ in
//! what is there already.

use crate::request::{RequestContext, failure, io_failure};
use crate::session::{Consumed, HostMessage, Link, digest};
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use vmbuild_protocol::{CHUNK, Digest, FailureKind, FromAgent, RequestFailure};

/// How much of a file was there before, and its hash so far.
#[derive(Debug, Default)]
pub(super) struct FilePrefix {
    pub(super) bytes: u64,
    pub(super) hasher: Sha256,
}

impl FilePrefix {
    fn add(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
    }

    fn digest(self) -> Digest {
        digest(self.bytes, self.hasher.finalize())
    }
}

/// Sends the bytes behind what the host `had` as far as its credit goes, then the digest of the whole.
pub(super) async fn send(
    request: &RequestContext,
    mut file: fs_err::tokio::File,
    mut had: FilePrefix,
    link: &Link,
) -> Result<Digest, RequestFailure> {
    loop {
        let mut piece = BytesMut::with_capacity(CHUNK);
        let count = file.read_buf(&mut piece).await.map_err(|error| io_failure(&error))?;
        if count == 0 {
            break;
        }
        had.add(&piece);
        if request.cancel.is_cancelled() || !link.data(piece.freeze()).await {
            return Err(failure(FailureKind::Cancelled, "cancelled"));
        }
    }
    let digest = had.digest();
    link.say(|id| FromAgent::DataEnd { id, digest });
    Ok(digest)
}

/// Writes what comes behind what `file` had, and syncs it: the digest of the whole that is here, if it is the one that
/// was sent and has `size` bytes. `path` names it in the refusal.
pub(super) async fn receive(
    request: &RequestContext,
    (file, mut had): (&mut fs_err::tokio::File, FilePrefix),
    (path, size): (&str, u64),
    link: &Link,
    mut mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let mut consumed = Consumed::default();
    loop {
        let inbound = tokio::select! {
            () = request.cancel.cancelled() => return Err(failure(FailureKind::Cancelled, "cancelled")),
            inbound = mail.recv() => inbound,
        };
        match inbound {
            Some(HostMessage::Bytes(piece)) => {
                had.add(&piece);
                file.write_all(&piece).await.map_err(|error| io_failure(&error))?;
                consumed.add(piece.len(), link);
            }
            Some(HostMessage::End(sent)) => {
                file.flush().await.map_err(|error| io_failure(&error))?;
                match file.sync_all().await {
                    // A device or FIFO keeps nothing that could be synced: fsync(2), EINVAL.
                    Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {}
                    synced => synced.map_err(|error| io_failure(&error))?,
                }
                let got = had.digest();
                return if got == sent && got.bytes == size { Ok(got) } else { Err(mismatch(path, got, sent)) };
            }
            Some(HostMessage::Resize(_)) => {}
            None => return Err(failure(FailureKind::Cancelled, "the session ended")),
        }
    }
}

/// Says that what arrived is not what was sent.
fn mismatch(path: &str, got: Digest, sent: Digest) -> RequestFailure {
    let text = format!(
        "{path}: {} bytes with sha256 {} arrived, {} bytes with sha256 {} were sent",
        got.bytes,
        hex::encode(got.sha256),
        sent.bytes,
        hex::encode(sent.sha256),
    );
    failure(FailureKind::DigestMismatch, text)
}
