//! What a request's handler is given: a way to speak while it works, and a sign to stop.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{FailureKind, OutputStream, Progress, RequestFailure};

/// Something a handler says before its reply.
#[derive(Debug)]
pub enum Saying {
    /// Bytes of a program.
    Output(OutputStream, Vec<u8>),
    /// How far it is.
    Progress(Progress),
}

/// A request under way.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Unique within the agent's life: marks the processes it starts.
    pub mark: String,
    /// Fires when the host cancels or the session ends.
    pub cancel: CancellationToken,
    /// Bounded: a handler waits here when the host is slow to take its output.
    pub says: mpsc::Sender<Saying>,
}

impl RequestContext {
    /// Passes a program's output on, waiting while the host is slow.
    pub async fn output(&self, stream: OutputStream, bytes: &[u8]) {
        // A closed channel means the session is gone; `cancel` fires then.
        let _ = self.says.send(Saying::Output(stream, bytes.to_vec())).await;
    }

    /// Reports progress.
    pub async fn progress(&self, progress: Progress) {
        let _ = self.says.send(Saying::Progress(progress)).await;
    }
}

/// A failure without a program's output.
pub fn failure(kind: FailureKind, message: impl Into<String>) -> RequestFailure {
    RequestFailure { kind, message: message.into(), step: None, tail: String::new() }
}

/// A file could not be read or written; a full disk is told apart.
pub fn io_failure(error: &std::io::Error) -> RequestFailure {
    let kind = if error.kind() == std::io::ErrorKind::StorageFull { FailureKind::NoSpace } else { FailureKind::Io };
    failure(kind, error.to_string())
}
