//! Targets that are not regular files.

use super::stream::{FilePrefix, IncomingFile, receive_bytes};
use crate::failure::{cancelled, failure, io_failure};
use crate::request::RequestContext;
use crate::session::{HostLink, HostMessage};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_archive::{ReplaceError, open_stream};
use vmbuild_protocol::{Digest, FailureKind, RequestFailure};

/// Pause between two attempts to open a FIFO that nothing reads from.
const READER_POLL: Duration = Duration::from_millis(50);

/// Receives a file into a device or FIFO.
pub(super) async fn receive_into_stream(
    request: &RequestContext,
    path: &Path,
    size: u64,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let file = loop {
        if let Some(file) = open_stream(path).map_err(|error| replace_failure(&error))? {
            break file;
        }
        tokio::select! {
            () = request.cancel.cancelled() => return Err(cancelled()),
            () = tokio::time::sleep(READER_POLL) => {}
        }
    };
    let mut file = fs_err::tokio::File::from_parts(tokio::fs::File::from_std(file), path);
    let (prefix, path) = (FilePrefix::default(), &path.to_string_lossy());
    receive_bytes(request, IncomingFile { file: &mut file, prefix, path, size }, link, messages).await
}

/// The failure of a target that cannot be replaced.
pub(super) fn replace_failure(error: &ReplaceError) -> RequestFailure {
    match error {
        ReplaceError::NotAFile { .. } | ReplaceError::Dangling(_) => failure(FailureKind::Invalid, error.to_string()),
        ReplaceError::Io { source, .. } => {
            io_failure(&std::io::Error::new(source.kind(), format!("{error}: {source}")))
        }
    }
}
