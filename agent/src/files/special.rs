//! Targets that are not regular files.

use super::stream::{Had, receive};
use crate::request::{Request, failure, io_failure};
use crate::session::{Inbound, Link};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_archive::{ReplaceError, open_stream};
use vmbuild_protocol::{Digest, Failure, FailureKind};

/// Between two looks for somebody who reads from a FIFO.
const READER: Duration = Duration::from_millis(50);

/// Receives a file into a device or FIFO.
pub(super) async fn into_stream(
    request: &Request,
    path: &Path,
    size: u64,
    link: &Link,
    mail: mpsc::UnboundedReceiver<Inbound>,
) -> Result<Digest, Failure> {
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
    receive(request, (&mut file, Had::default()), (&path.to_string_lossy(), size), link, mail).await
}

/// A target that does not get new contents.
pub(super) fn refused(error: &ReplaceError) -> Failure {
    match error {
        ReplaceError::NotAFile { .. } | ReplaceError::Dangling(_) => failure(FailureKind::Invalid, error.to_string()),
        ReplaceError::Io { source, .. } => {
            io_failure(&std::io::Error::new(source.kind(), format!("{error}: {source}")))
        }
    }
}
