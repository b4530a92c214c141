//! Transfer of a file's bytes. Whole files and the rest of an interrupted one are transferred alike: they differ in the
//! prefix that is there already.

use crate::failure::{cancelled, failure, io_failure};
use crate::request::RequestContext;
use crate::session::{CreditGrants, HostLink, HostMessage, digest};
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use vmbuild_protocol::{CHUNK, Digest, FailureKind, FromAgent, RequestFailure};

/// The first bytes of a file, as far as both sides have them: how many, and their hash.
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

/// Sends the bytes behind `prefix` as far as the host's credit goes, then the digest of the whole file.
pub(super) async fn send_bytes(
    request: &RequestContext,
    mut file: fs_err::tokio::File,
    mut prefix: FilePrefix,
    link: &HostLink,
) -> Result<Digest, RequestFailure> {
    loop {
        let mut piece = BytesMut::with_capacity(CHUNK);
        let count = file.read_buf(&mut piece).await.map_err(|error| io_failure(&error))?;
        if count == 0 {
            break;
        }
        prefix.add(&piece);
        if request.cancel.is_cancelled() || !link.send_data(piece.freeze()).await {
            return Err(cancelled());
        }
    }
    let digest = prefix.digest();
    link.send_message(|id| FromAgent::DataEnd { id, digest });
    Ok(digest)
}

/// A file that arrives.
pub(super) struct IncomingFile<'a> {
    /// Where it is written, positioned behind `prefix`.
    pub(super) file: &'a mut fs_err::tokio::File,
    /// The bytes that are there already.
    pub(super) prefix: FilePrefix,
    /// Its path, for errors.
    pub(super) path: &'a str,
    /// Bytes that the whole file has.
    pub(super) size: u64,
}

/// Writes what arrives, and syncs it. Returns the digest of the whole file, if it is the one that was sent and the size
/// is right.
pub(super) async fn receive_bytes(
    request: &RequestContext,
    incoming: IncomingFile<'_>,
    link: &HostLink,
    mut messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let IncomingFile { file, mut prefix, path, size } = incoming;
    let mut consumed = CreditGrants::default();
    loop {
        let inbound = tokio::select! {
            () = request.cancel.cancelled() => return Err(cancelled()),
            inbound = messages.recv() => inbound,
        };
        match inbound {
            Some(HostMessage::Bytes(piece)) => {
                prefix.add(&piece);
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
                let got = prefix.digest();
                return if got == sent && got.bytes == size { Ok(got) } else { Err(mismatch(path, got, sent)) };
            }
            Some(HostMessage::Resize(_)) => {}
            None => return Err(failure(FailureKind::Cancelled, "the session ended")),
        }
    }
}

/// The failure of a file that did not arrive as it was sent.
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
