//! Receiving a file: it appears under its name only when it is complete and equal to the one that was sent.

use super::stream::{FilePrefix, IncomingFile, receive_bytes};
use super::to_stream::{receive_into_stream, replace_failure};
use crate::failure::{failure, io_failure};
use crate::request::RequestContext;
use crate::session::{HostLink, HostMessage};
use std::path::Path;
use tokio::sync::mpsc;
use vmbuild_archive::{ReplaceTarget, replace};
use vmbuild_protocol::{Digest, FailureKind, PutFile, RequestFailure};

/// Receives a file.
pub async fn put(
    request: &RequestContext,
    order: PutFile,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let target = Path::new(&order.path);
    let Some(folder) = target.parent().filter(|_| target.is_absolute()) else {
        return Err(failure(FailureKind::Invalid, format!("`{}` is not an absolute path of a file", order.path)));
    };
    fs_err::create_dir_all(folder).map_err(|error| io_failure(&error))?;
    let target = match ReplaceTarget::of(target).map_err(|error| replace_failure(&error))? {
        ReplaceTarget::File { path, .. } => path,
        ReplaceTarget::Stream(path) => return receive_into_stream(request, &path, order.size, link, messages).await,
    };
    let folder = target.parent().unwrap_or(folder);
    let arriving = folder.join(format!(".arriving-{}", request.mark));
    let received = receive_whole(request, &order, link, messages, &arriving).await;
    let placed = received.and_then(|digest| move_into_place(&arriving, &target, order.mode).map(|()| digest));
    if placed.is_err() {
        // The partial file is of no use; failing to remove it would not change the reply.
        let _ = fs_err::remove_file(&arriving);
    }
    placed
}

async fn receive_whole(
    request: &RequestContext,
    order: &PutFile,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
    arriving: &Path,
) -> Result<Digest, RequestFailure> {
    let mut file = fs_err::tokio::File::create(arriving).await.map_err(|error| io_failure(&error))?;
    let incoming = IncomingFile { file: &mut file, prefix: FilePrefix::default(), path: &order.path, size: order.size };
    receive_bytes(request, incoming, link, messages).await
}

fn move_into_place(arriving: &Path, target: &Path, mode: u32) -> Result<(), RequestFailure> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(mode & 0o777);
    fs_err::set_permissions(arriving, permissions).map_err(|error| io_failure(&error))?;
    replace(arriving, target).map_err(|error| replace_failure(&error))
}
