//! Receiving what is missing of a file. A break leaves what has arrived, so that the next attempt goes on from there;
//! only a whole file with the right digest gets the name.

use super::fingerprint::hash;
use super::special::{into_stream, refused};
use super::stream::{FilePrefix, receive};
use crate::request::{RequestContext, failure, io_failure};
use crate::session::{HostMessage, Link};
use rustix::fs::OFlags;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;
use vmbuild_archive::{Destination, replace};
use vmbuild_protocol::{Digest, FailureKind, PutRest, RequestFailure};

/// Receives the rest of a file.
pub async fn put_rest(
    request: &RequestContext,
    order: PutRest,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let (target, arriving) = (Path::new(&order.path), Path::new(&order.arriving));
    let Some(folder) = target.parent().filter(|folder| target.is_absolute() && arriving.parent() == Some(folder))
    else {
        let text = format!("`{}` cannot arrive as `{}`", order.path, order.arriving);
        return Err(failure(FailureKind::Invalid, text));
    };
    fs_err::create_dir_all(folder).map_err(|error| io_failure(&error))?;
    let mode = match Destination::of(target).map_err(|error| refused(&error))? {
        // As with cp(1), the file that is there keeps its mode.
        Destination::File { mode, .. } => mode.unwrap_or(order.mode & 0o7777),
        Destination::Stream(path) if order.from == 0 => {
            return into_stream(request, &path, order.size, link, mail).await;
        }
        Destination::Stream(path) => {
            let text = format!("{} takes no rest of a file: what was written to it is gone", path.display());
            return Err(failure(FailureKind::Invalid, text));
        }
    };
    let received = receive_rest(request, &order, link, mail).await;
    if let Err(RequestFailure { kind: FailureKind::DigestMismatch, .. }) = received {
        // The next attempt begins anew; that it could not be removed would not change the answer.
        let _ = fs_err::remove_file(arriving);
    }
    let digest = received?;
    fs_err::set_permissions(arriving, std::fs::Permissions::from_mode(mode)).map_err(|error| io_failure(&error))?;
    replace(arriving, target).map_err(|error| refused(&error))?;
    Ok(digest)
}

async fn receive_rest(
    request: &RequestContext,
    order: &PutRest,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let (mut file, had) = resume(request, order).await?;
    let received = receive(request, (&mut file, had), (&order.path, order.size), link, mail).await;
    if received.is_err() {
        // What has arrived is kept for the next attempt; one that is not written is fetched again then.
        let _ = file.flush().await;
    }
    received
}

/// Opens what has arrived so far, without what lies behind it, and hashes it. Only a file: somebody else may have put a
/// link or a FIFO there.
async fn resume(
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
        let text = format!("{} bytes of {} were to be there, but {there} are", order.from, order.path);
        return Err(failure(FailureKind::DigestMismatch, text));
    }
    file.set_len(order.from).await.map_err(|error| io_failure(&error))?;
    let mut had = FilePrefix::default();
    had.bytes = hash(&mut file, &mut had.hasher, request).await?;
    file.seek(std::io::SeekFrom::End(0)).await.map_err(|error| io_failure(&error))?;
    Ok((file, had))
}
