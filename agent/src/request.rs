//! The context of a request's handler: a way to send events while it works, and a sign to stop.

use crate::failure::cancelled;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{OutputStream, Progress, RequestFailure};

/// Something that a handler sends before its reply.
#[derive(Debug)]
pub enum HandlerEvent {
    /// Output of a program.
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
    /// Bounded: a handler waits here while the host is slow to take its output.
    pub events: mpsc::Sender<HandlerEvent>,
}

impl RequestContext {
    /// Sends a program's output, waiting while the host is slow.
    pub async fn send_output(&self, stream: OutputStream, bytes: &[u8]) {
        // A closed channel means the session is gone; `cancel` fires then.
        let _ = self.events.send(HandlerEvent::Output(stream, bytes.to_vec())).await;
    }

    /// Reports progress.
    pub async fn send_progress(&self, progress: Progress) {
        let _ = self.events.send(HandlerEvent::Progress(progress)).await;
    }

    /// Fails once the request is cancelled.
    pub(crate) fn check_cancelled(&self) -> Result<(), RequestFailure> {
        if self.cancel.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }
}
