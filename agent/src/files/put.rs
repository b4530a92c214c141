//! Receiving a file: it appears under its name only when it is whole and equal to what was sent.

use super::special::{into_stream, refused};
use super::stream::{FilePrefix, receive};
use crate::request::{RequestContext, failure, io_failure};
use crate::session::{HostMessage, Link};
use std::path::Path;
use tokio::sync::mpsc;
use vmbuild_archive::{Destination, replace};
use vmbuild_protocol::{Digest, FailureKind, PutFile, RequestFailure};

/// Receives a file.
pub async fn put(
    request: &RequestContext,
    order: PutFile,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let target = Path::new(&order.path);
    let Some(folder) = target.parent().filter(|_| target.is_absolute()) else {
        return Err(failure(FailureKind::Invalid, format!("`{}` is not an absolute path of a file", order.path)));
    };
    fs_err::create_dir_all(folder).map_err(|error| io_failure(&error))?;
    let target = match Destination::of(target).map_err(|error| refused(&error))? {
        Destination::File { path, .. } => path,
        Destination::Stream(path) => return into_stream(request, &path, order.size, link, mail).await,
    };
    let folder = target.parent().unwrap_or(folder);
    let arriving = folder.join(format!(".arriving-{}", request.mark));
    let received = receive_whole(request, &order, link, mail, &arriving).await;
    let placed = received.and_then(|digest| place(&arriving, &target, order.mode).map(|()| digest));
    if placed.is_err() {
        // What arrived is of no use; that it could not be removed would not change the answer.
        let _ = fs_err::remove_file(&arriving);
    }
    placed
}

async fn receive_whole(
    request: &RequestContext,
    order: &PutFile,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
    arriving: &Path,
) -> Result<Digest, RequestFailure> {
    let mut file = fs_err::tokio::File::create(arriving).await.map_err(|error| io_failure(&error))?;
    receive(request, (&mut file, FilePrefix::default()), (&order.path, order.size), link, mail).await
}

fn place(arriving: &Path, target: &Path, mode: u32) -> Result<(), RequestFailure> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(mode & 0o777);
    fs_err::set_permissions(arriving, permissions).map_err(|error| io_failure(&error))?;
    replace(arriving, target).map_err(|error| refused(&error))
}
