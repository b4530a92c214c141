//! Receiving the rest of a file. An interrupted transfer keeps the bytes that have arrived, so that the next attempt
//! continues after them; only a whole file with the right digest gets the name.

use super::fingerprint::hash_all;
use super::stream::{FilePrefix, IncomingFile, receive_bytes};
use super::to_stream::{receive_into_stream, replace_failure};
use crate::failure::{failure, io_failure};
use crate::request::RequestContext;
use crate::session::{HostLink, HostMessage};
use rustix::fs::OFlags;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;
use vmbuild_archive::{ReplaceTarget, replace};
use vmbuild_protocol::{Digest, FailureKind, PutRest, RequestFailure};

/// Receives the rest of a file.
pub async fn put_rest(
    request: &RequestContext,
    order: PutRest,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let (target, arriving) = (Path::new(&order.path), Path::new(&order.arriving));
    let Some(folder) = target.parent().filter(|folder| target.is_absolute() && arriving.parent() == Some(folder))
    else {
        let text = format!("`{}` cannot arrive as `{}`", order.path, order.arriving);
        return Err(failure(FailureKind::Invalid, text));
    };
    fs_err::create_dir_all(folder).map_err(|error| io_failure(&error))?;
    let mode = match ReplaceTarget::of(target).map_err(|error| replace_failure(&error))? {
        // As with cp(1), the file that is there keeps its mode.
        ReplaceTarget::File { mode, .. } => mode.unwrap_or(order.mode & 0o7777),
        ReplaceTarget::Stream(path) if order.from == 0 => {
            return receive_into_stream(request, &path, order.size, link, messages).await;
        }
        ReplaceTarget::Stream(path) => {
            let text = format!("{} cannot be resumed: bytes written to it cannot be read back", path.display());
            return Err(failure(FailureKind::Invalid, text));
        }
    };
    let received = receive_rest(request, &order, link, messages).await;
    if let Err(RequestFailure { kind: FailureKind::DigestMismatch, .. }) = received {
        // The next attempt starts over; failing to remove it would not change the reply.
        let _ = fs_err::remove_file(arriving);
    }
    let digest = received?;
    fs_err::set_permissions(arriving, std::fs::Permissions::from_mode(mode)).map_err(|error| io_failure(&error))?;
    replace(arriving, target).map_err(|error| replace_failure(&error))?;
    Ok(digest)
}

async fn receive_rest(
    request: &RequestContext,
    order: &PutRest,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let (mut file, prefix) = open_partial(request, order).await?;
    let incoming = IncomingFile { file: &mut file, prefix, path: &order.path, size: order.size };
    let received = receive_bytes(request, incoming, link, messages).await;
    if received.is_err() {
        // The bytes that have arrived are kept for the next attempt; those that cannot be flushed are sent again.
        let _ = file.flush().await;
    }
    received
}

/// Opens the partial file, truncated to the bytes that the host knows of, and hashes it. Only a regular file: somebody
/// else may have put a link or a FIFO there.
async fn open_partial(
    request: &RequestContext,
    order: &PutRest,
) -> Result<(fs_err::tokio::File, FilePrefix), RequestFailure> {
    let mut options = fs_err::tokio::OpenOptions::new();
    let no_link = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    options.create(true).truncate(false).read(true).write(true).custom_flags(no_link);
    let mut file = options.open(&order.arriving).await.map_err(|error| io_failure(&error))?;
    let about = file.metadata().await.map_err(|error| io_failure(&error))?;
    if !about.is_file() {
        return Err(failure(FailureKind::Invalid, format!("{} is not a regular file", order.arriving)));
    }
    let there = about.len();
    if there < order.from {
        let text = format!("expected {} bytes of {}, found {there}", order.from, order.path);
        return Err(failure(FailureKind::DigestMismatch, text));
    }
    file.set_len(order.from).await.map_err(|error| io_failure(&error))?;
    let mut prefix = FilePrefix::default();
    prefix.bytes = hash_all(&mut file, &mut prefix.hasher, request).await?;
    file.seek(std::io::SeekFrom::End(0)).await.map_err(|error| io_failure(&error))?;
    Ok((file, prefix))
}
