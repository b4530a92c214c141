//! The sending half of one request, with its credit.

use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{Digest, Envelope, Epoch, Frame, FromAgent, OutputStream, RequestId, TerminalSize, WINDOW};

/// Something that the host sends to a request under way.
#[derive(Debug)]
pub enum HostMessage {
    /// Bytes of a file.
    Bytes(Bytes),
    /// The file is complete.
    End(Digest),
    /// The new size of the host's terminal.
    Resize(TerminalSize),
}

/// The sending half of one request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HostLink {
    id: RequestId,
    epoch: Epoch,
    outgoing: mpsc::UnboundedSender<Envelope<FromAgent>>,
    credit: Arc<Semaphore>,
    cancel: CancellationToken,
}

impl HostLink {
    pub(super) fn new(
        id: RequestId,
        epoch: Epoch,
        outgoing: mpsc::UnboundedSender<Envelope<FromAgent>>,
        cancel: CancellationToken,
    ) -> Self {
        Self { id, epoch, outgoing, credit: Arc::new(Semaphore::new(WINDOW as usize)), cancel }
    }

    /// Adds credit: the host has consumed this many bytes.
    pub(super) fn add_credit(&self, bytes: u32) {
        // A host that grants more than it was sent must not overflow the semaphore.
        let room = (WINDOW as usize).saturating_sub(self.credit.available_permits());
        self.credit.add_permits(room.min(bytes as usize));
    }

    /// Sends a message that needs no credit.
    pub fn send_message(&self, message: impl FnOnce(RequestId) -> FromAgent) {
        self.send(Frame::Message(message(self.id)));
    }

    /// Sends output once there is credit for it; drops it once the request is cancelled.
    pub async fn send_output(&self, stream: OutputStream, bytes: Vec<u8>) {
        if self.take_credit(bytes.len()).await {
            self.send_message(|id| FromAgent::Output { id, stream, bytes: bytes.into() });
        }
    }

    /// Sends file bytes once there is credit for them. Returns whether they were sent: not after a cancel.
    pub async fn send_data(&self, bytes: Bytes) -> bool {
        let sent = self.take_credit(bytes.len()).await;
        if sent {
            self.send(Frame::Data { id: self.id, bytes });
        }
        sent
    }

    async fn take_credit(&self, bytes: usize) -> bool {
        let wanted = u32::try_from(bytes).unwrap_or(WINDOW).min(WINDOW);
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => false,
            permits = self.credit.acquire_many(wanted) => permits.map(tokio::sync::SemaphorePermit::forget).is_ok(),
        }
    }

    fn send(&self, frame: Frame<FromAgent>) {
        // The writer is gone only if the pipe is; the conversation ends for the same reason.
        let _ = self.outgoing.send(Envelope { epoch: self.epoch, frame });
    }
}
