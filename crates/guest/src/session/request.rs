//! One request under way.

use super::error::SessionError;
use super::pump::{RequestEvent, RequestListener, RequestTable};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{
    Digest, Envelope, Epoch, FailureKind, Frame, Reply, RequestFailure, RequestId, TerminalSize, ToAgent, WINDOW,
};

/// How long a request that was given up is waited for.
const PARTING: Duration = Duration::from_millis(700);

/// Where requests put their frames, and where they hear.
#[derive(Debug)]
pub(super) struct RequestChannel {
    pub(super) epoch: Epoch,
    pub(super) outgoing: mpsc::UnboundedSender<Envelope<ToAgent>>,
    pub(super) desk: Arc<RequestTable>,
}

impl RequestChannel {
    fn send(&self, frame: Frame<ToAgent>) {
        // Without a pump there is nobody to hear it; the request learns so from its own queue.
        let _ = self.outgoing.send(Envelope { epoch: self.epoch, frame });
    }
}

/// A request under way. Dropping it before its answer cancels it in the guest.
#[derive(Debug)]
pub(super) struct PendingRequest<'a> {
    id: RequestId,
    line: &'a RequestChannel,
    heard: mpsc::UnboundedReceiver<RequestEvent>,
    credit: Arc<Semaphore>,
    consumed: u32,
    answered: bool,
}

impl<'a> PendingRequest<'a> {
    pub(super) fn ask(
        line: &'a RequestChannel,
        id: RequestId,
        call: vmbuild_protocol::Call,
    ) -> Result<Self, SessionError> {
        let (sender, heard) = mpsc::unbounded_channel();
        let credit = Arc::new(Semaphore::new(WINDOW as usize));
        if !line.desk.add(id, RequestListener { heard: sender, credit: credit.clone() }) {
            return Err(line.desk.broken());
        }
        line.send(Frame::Message(ToAgent::Request { id, call }));
        Ok(Self { id, line, heard, credit, consumed: 0, answered: false })
    }

    /// Says things beside the listening. For requests in which both sides speak at once.
    pub(super) fn speaker(&self) -> Speaker<'a> {
        Speaker { id: self.id, line: self.line, credit: self.credit.clone() }
    }

    /// The next thing heard. An answer ends the request; so does the user.
    pub(super) async fn next(&mut self, cancel: &CancellationToken) -> Result<RequestEvent, SessionError> {
        let heard = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SessionError::Cancelled),
            heard = self.heard.recv() => heard.ok_or_else(|| self.line.desk.broken())?,
        };
        match &heard {
            RequestEvent::Output(_, bytes) | RequestEvent::Data(bytes) => self.consume(bytes.len()),
            RequestEvent::Done(_) | RequestEvent::Failed(_) => self.answered = true,
            RequestEvent::Progress(_) | RequestEvent::End => {}
        }
        Ok(heard)
    }

    /// Waits for the answer, handing everything before it to `on_heard`, whose error cancels the request.
    pub(super) async fn answer(
        mut self,
        cancel: &CancellationToken,
        mut on_heard: impl FnMut(RequestEvent) -> Result<(), SessionError>,
    ) -> Result<Reply, SessionError> {
        loop {
            match self.next(cancel).await? {
                RequestEvent::Done(reply) => return Ok(reply),
                RequestEvent::Failed(failure) => return Err(refused(failure, cancel)),
                other => {
                    if let Err(error) = on_heard(other) {
                        Box::pin(self.abandon()).await;
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Cancels it and waits for the guest to say that it has ended: who reports an error ends soon, and the session
    /// with it.
    async fn abandon(&mut self) {
        self.line.send(Frame::Message(ToAgent::Cancel { id: self.id }));
        self.answered = true;
        let ended = async {
            while let Some(heard) = self.heard.recv().await {
                match heard {
                    RequestEvent::Output(_, bytes) | RequestEvent::Data(bytes) => self.consume(bytes.len()),
                    RequestEvent::Done(_) | RequestEvent::Failed(_) => return,
                    RequestEvent::Progress(_) | RequestEvent::End => {}
                }
            }
        };
        // A guest that is late ends it all the same.
        let _ = tokio::time::timeout(PARTING, ended).await;
    }

    /// Lets the guest do it without waiting for its answer.
    pub(super) fn leave(mut self) {
        self.answered = true;
    }

    /// Sends file bytes once there is credit. An answer that comes first (the guest's disk is full) is returned.
    pub(super) async fn send(&mut self, bytes: Bytes, cancel: &CancellationToken) -> Result<(), SessionError> {
        let wanted = u32::try_from(bytes.len()).unwrap_or(WINDOW).min(WINDOW);
        let credit = self.credit.clone();
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SessionError::Cancelled),
            heard = self.heard.recv() => {
                self.answered = true;
                return Err(match heard {
                    Some(RequestEvent::Failed(failure)) => SessionError::Refused(failure),
                    Some(_) => SessionError::WrongAnswer { asked: "file" },
                    None => self.line.desk.broken(),
                });
            }
            permits = credit.acquire_many(wanted) => permits.map_err(|_| SessionError::Lost)?.forget(),
        }
        self.line.send(Frame::Data { id: self.id, bytes });
        Ok(())
    }

    /// Says that the file's bytes are complete.
    pub(super) fn end_data(&self, digest: vmbuild_protocol::Digest) {
        self.line.send(Frame::Message(ToAgent::DataEnd { id: self.id, digest }));
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.consumed >= WINDOW / 4 {
            let bytes = std::mem::take(&mut self.consumed);
            self.line.send(Frame::Message(ToAgent::Credit { id: self.id, bytes }));
        }
    }
}

/// The speaking half of a request.
#[derive(Debug)]
pub(super) struct Speaker<'a> {
    id: RequestId,
    line: &'a RequestChannel,
    credit: Arc<Semaphore>,
}

impl Speaker<'_> {
    /// Says that the terminal has another size.
    pub(super) fn resize(&self, size: TerminalSize) {
        self.line.send(Frame::Message(ToAgent::Resize { id: self.id, size }));
    }

    /// Begins to send bytes.
    pub(super) fn sending(&self) -> OutgoingData<'_> {
        OutgoingData { speaker: self, hasher: Sha256::new(), bytes: 0 }
    }
}

/// Bytes on their way to the guest.
#[derive(Debug)]
pub(super) struct OutgoingData<'a> {
    speaker: &'a Speaker<'a>,
    hasher: Sha256,
    bytes: u64,
}

impl OutgoingData<'_> {
    /// Sends a piece once there is credit.
    pub(super) async fn send(&mut self, bytes: Bytes) {
        let wanted = u32::try_from(bytes.len()).unwrap_or(WINDOW).min(WINDOW);
        if let Ok(permits) = self.speaker.credit.acquire_many(wanted).await {
            permits.forget();
        }
        self.hasher.update(&bytes);
        self.bytes += bytes.len() as u64;
        self.speaker.line.send(Frame::Data { id: self.speaker.id, bytes });
    }

    /// Says that there are no more.
    pub(super) fn end(self) {
        let digest = Digest { bytes: self.bytes, sha256: self.hasher.finalize().into() };
        self.speaker.line.send(Frame::Message(ToAgent::DataEnd { id: self.speaker.id, digest }));
    }
}

/// A refusal, unless it only echoes our own cancel.
pub(super) fn refused(failure: RequestFailure, cancel: &CancellationToken) -> SessionError {
    if failure.kind == FailureKind::Cancelled && cancel.is_cancelled() {
        return SessionError::Cancelled;
    }
    SessionError::Refused(failure)
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.line.desk.remove(self.id);
        if !self.answered {
            self.line.send(Frame::Message(ToAgent::Cancel { id: self.id }));
        }
    }
}
