//! Targets that are not regular files.

use super::stream::{FilePrefix, receive};
use crate::request::{RequestContext, failure, io_failure};
use crate::session::{HostMessage, Link};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_archive::{ReplaceError, open_stream};
use vmbuild_protocol::{Digest, FailureKind, RequestFailure};

/// Between two looks for somebody who reads from a FIFO.
const READER: Duration = Duration::from_millis(50);

/// Receives a file into a device or FIFO.
pub(super) async fn into_stream(
    request: &RequestContext,
    path: &Path,
    size: u64,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Digest, RequestFailure> {
    let file = loop {
        if let Some(file) = open_stream(path).map_err(|error| refused(&error))? {
            break file;
        }
        tokio::select! {
            () = request.cancel.cancelled() => return Err(failure(FailureKind::Cancelled, "cancelled")),
            () = tokio::time::sleep(READER) => {}
        }
    };
    let mut file = fs_err::tokio::File::from_parts(tokio::fs::File::from_std(file), path);
    receive(request, (&mut file, FilePrefix::default()), (&path.to_string_lossy(), size), link, mail).await
}

/// A target that does not get new contents.
pub(super) fn refused(error: &ReplaceError) -> RequestFailure {
    match error {
        ReplaceError::NotAFile { .. } | ReplaceError::Dangling(_) => failure(FailureKind::Invalid, error.to_string()),
        ReplaceError::Io { source, .. } => {
            io_failure(&std::io::Error::new(source.kind(), format!("{error}: {source}")))
        }
    }
}
