//! Receiving a file: it appears under its name only when it is whole and equal to what was sent.

use crate::request::{Request, failure, io_failure};
use crate::session::{Consumed, digest};
use crate::session::{Inbound, Link};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use vmbuild_protocol::{Digest, Failure, FailureKind, PutFile};

/// Receives a file.
pub async fn put(
    request: &Request,
    order: PutFile,
    link: &Link,
    mail: mpsc::UnboundedReceiver<Inbound>,
) -> Result<Digest, Failure> {
    let target = Path::new(&order.path);
    let Some(folder) = target.parent().filter(|_| target.is_absolute()) else {
        return Err(failure(FailureKind::Invalid, format!("`{}` is not an absolute path of a file", order.path)));
    };
    fs_err::create_dir_all(folder).map_err(|error| io_failure(&error))?;
    let arriving = folder.join(format!(".arriving-{}", request.mark));
    let received = receive(request, &order, link, mail, &arriving).await;
    let placed = received.and_then(|digest| place(&arriving, target, order.mode).map(|()| digest));
    if placed.is_err() {
        // What arrived is of no use; that it could not be removed would not change the answer.
        let _ = fs_err::remove_file(&arriving);
    }
    placed
}

async fn receive(
    request: &Request,
    order: &PutFile,
    link: &Link,
    mut mail: mpsc::UnboundedReceiver<Inbound>,
    arriving: &Path,
) -> Result<Digest, Failure> {
    let mut file = fs_err::tokio::File::create(arriving).await.map_err(|error| io_failure(&error))?;
    let (mut hasher, mut bytes, mut consumed) = (Sha256::new(), 0, Consumed::default());
    loop {
        let inbound = tokio::select! {
            () = request.cancel.cancelled() => return Err(failure(FailureKind::Cancelled, "cancelled")),
            inbound = mail.recv() => inbound,
        };
        match inbound {
            Some(Inbound::Bytes(piece)) => {
                hasher.update(&piece);
                bytes += piece.len() as u64;
                file.write_all(&piece).await.map_err(|error| io_failure(&error))?;
                consumed.add(piece.len(), link);
            }
            Some(Inbound::End(sent)) => {
                file.flush().await.map_err(|error| io_failure(&error))?;
                file.sync_all().await.map_err(|error| io_failure(&error))?;
                return compare(order, sent, digest(bytes, hasher.finalize()));
            }
            Some(Inbound::Resize(_)) => {}
            None => return Err(failure(FailureKind::Cancelled, "the session ended")),
        }
    }
}

fn compare(order: &PutFile, sent: Digest, got: Digest) -> Result<Digest, Failure> {
    if got == sent && got.bytes == order.size {
        return Ok(got);
    }
    Err(mismatch(&order.path, got, sent))
}

/// Says that what arrived is not what was sent.
pub(super) fn mismatch(path: &str, got: Digest, sent: Digest) -> Failure {
    let text = format!(
        "{path}: {} bytes with sha256 {} arrived, {} bytes with sha256 {} were sent",
        got.bytes,
        hex::encode(got.sha256),
        sent.bytes,
        hex::encode(sent.sha256),
    );
    failure(FailureKind::DigestMismatch, text)
}

fn place(arriving: &Path, target: &Path, mode: u32) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(mode & 0o777);
    fs_err::set_permissions(arriving, permissions)
        .and_then(|()| fs_err::rename(arriving, target))
        .map_err(|error| io_failure(&error))
}
