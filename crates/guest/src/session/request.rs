//! One request under way.

use super::error::SessionError;
use super::pump::{RequestEvent, RequestListener, RequestTable};
use sha2::{Digest as _, Sha256};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{
    AgentRequest, Digest, Envelope, Epoch, FailureKind, Frame, Reply, RequestFailure, RequestId, TerminalSize, ToAgent,
    WINDOW,
};

/// How long to wait for the end of an abandoned request.
const ABANDON_TIMEOUT: Duration = Duration::from_millis(700);

/// Where requests put their frames, and where they get their events.
#[derive(Debug)]
pub(super) struct RequestChannel {
    pub(super) epoch: Epoch,
    pub(super) outgoing: mpsc::UnboundedSender<Envelope<ToAgent>>,
    pub(super) requests: Arc<RequestTable>,
}

impl RequestChannel {
    fn send(&self, frame: Frame<ToAgent>) {
        // Without a pump nothing is sent; the request learns so from its own queue.
        let _ = self.outgoing.send(Envelope { epoch: self.epoch, frame });
    }
}

/// A request under way. Dropping it before its answer cancels it in the guest.
#[derive(Debug)]
pub(super) struct PendingRequest<'a, R> {
    id: RequestId,
    channel: &'a RequestChannel,
    events: mpsc::UnboundedReceiver<RequestEvent>,
    credit: Arc<Semaphore>,
    consumed: u32,
    answered: bool,
    request: PhantomData<fn() -> R>,
}

impl<'a, R: AgentRequest> PendingRequest<'a, R> {
    /// Sends a request.
    pub(super) fn start(channel: &'a RequestChannel, id: RequestId, request: R) -> Result<Self, SessionError> {
        let (sender, events) = mpsc::unbounded_channel();
        let credit = Arc::new(Semaphore::new(WINDOW as usize));
        if !channel.requests.add(id, RequestListener { events: sender, credit: credit.clone() }) {
            return Err(channel.requests.broken());
        }
        channel.send(Frame::Message(ToAgent::Request { id, call: request.into_call() }));
        Ok(Self { id, channel, events, credit, consumed: 0, answered: false, request: PhantomData })
    }

    /// The sending half, for requests in which both sides send at the same time.
    pub(super) fn sender(&self) -> RequestSender<'a> {
        RequestSender { id: self.id, channel: self.channel, credit: self.credit.clone() }
    }

    /// The next event. A reply ends the request; so does a cancel.
    pub(super) async fn next(&mut self, cancel: &CancellationToken) -> Result<RequestEvent, SessionError> {
        let event = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SessionError::Cancelled),
            event = self.events.recv() => event.ok_or_else(|| self.channel.requests.broken())?,
        };
        match &event {
            RequestEvent::Output(_, bytes) | RequestEvent::Data(bytes) => self.consume(bytes.len()),
            RequestEvent::Done(_) | RequestEvent::Failed(_) => self.answered = true,
            RequestEvent::Progress(_) | RequestEvent::End => {}
        }
        Ok(event)
    }

    /// Waits for the reply, passing everything before it to `on_event`, whose error cancels the request.
    pub(super) async fn reply(
        mut self,
        cancel: &CancellationToken,
        mut on_event: impl FnMut(RequestEvent) -> Result<(), SessionError>,
    ) -> Result<R::Reply, SessionError> {
        loop {
            match self.next(cancel).await? {
                RequestEvent::Done(reply) => return expect_reply::<R>(reply),
                RequestEvent::Failed(failure) => return Err(refused(failure, cancel)),
                other => {
                    if let Err(error) = on_event(other) {
                        Box::pin(self.abandon()).await;
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Cancels it and waits until it has ended in the guest: a program that reports an error exits soon, and the session
    /// with it.
    async fn abandon(&mut self) {
        self.channel.send(Frame::Message(ToAgent::Cancel { id: self.id }));
        self.answered = true;
        let ended = async {
            while let Some(event) = self.events.recv().await {
                match event {
                    RequestEvent::Output(_, bytes) | RequestEvent::Data(bytes) => self.consume(bytes.len()),
                    RequestEvent::Done(_) | RequestEvent::Failed(_) => return,
                    RequestEvent::Progress(_) | RequestEvent::End => {}
                }
            }
        };
        // A guest that is late ends it all the same.
        let _ = tokio::time::timeout(ABANDON_TIMEOUT, ended).await;
    }

    /// Leaves the request to the guest, without waiting for its reply.
    pub(super) fn detach(mut self) {
        self.answered = true;
    }

    /// Sends file bytes once there is credit. An answer that comes first (the guest's disk is full) is returned.
    pub(super) async fn send(&mut self, bytes: Bytes, cancel: &CancellationToken) -> Result<(), SessionError> {
        let wanted = u32::try_from(bytes.len()).unwrap_or(WINDOW).min(WINDOW);
        let credit = self.credit.clone();
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SessionError::Cancelled),
            event = self.events.recv() => {
                self.answered = true;
                return Err(match event {
                    Some(RequestEvent::Failed(failure)) => SessionError::Refused(failure),
                    Some(_) => SessionError::WrongAnswer { asked: R::NAME },
                    None => self.channel.requests.broken(),
                });
            }
            permits = credit.acquire_many(wanted) => permits.map_err(|_| SessionError::Lost)?.forget(),
        }
        self.channel.send(Frame::Data { id: self.id, bytes });
        Ok(())
    }

    /// Ends the file's bytes.
    pub(super) fn end_data(&self, digest: Digest) {
        self.channel.send(Frame::Message(ToAgent::DataEnd { id: self.id, digest }));
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.consumed >= WINDOW / 4 {
            let bytes = std::mem::take(&mut self.consumed);
            self.channel.send(Frame::Message(ToAgent::Credit { id: self.id, bytes }));
        }
    }
}

/// The sending half of a request.
#[derive(Debug)]
pub(super) struct RequestSender<'a> {
    id: RequestId,
    channel: &'a RequestChannel,
    credit: Arc<Semaphore>,
}

impl RequestSender<'_> {
    /// Reports the terminal's new size.
    pub(super) fn resize(&self, size: TerminalSize) {
        self.channel.send(Frame::Message(ToAgent::Resize { id: self.id, size }));
    }

    /// Begins to send bytes.
    pub(super) fn start_data(&self) -> OutgoingData<'_> {
        OutgoingData { sender: self, hasher: Sha256::new(), bytes: 0 }
    }
}

/// Bytes on their way to the guest.
#[derive(Debug)]
pub(super) struct OutgoingData<'a> {
    sender: &'a RequestSender<'a>,
    hasher: Sha256,
    bytes: u64,
}

impl OutgoingData<'_> {
    /// Sends a piece once there is credit.
    pub(super) async fn send(&mut self, bytes: Bytes) {
        let wanted = u32::try_from(bytes.len()).unwrap_or(WINDOW).min(WINDOW);
        if let Ok(permits) = self.sender.credit.acquire_many(wanted).await {
            permits.forget();
        }
        self.hasher.update(&bytes);
        self.bytes += bytes.len() as u64;
        self.sender.channel.send(Frame::Data { id: self.sender.id, bytes });
    }

    /// Ends the bytes.
    pub(super) fn end(self) {
        let digest = Digest { bytes: self.bytes, sha256: self.hasher.finalize().into() };
        self.sender.channel.send(Frame::Message(ToAgent::DataEnd { id: self.sender.id, digest }));
    }
}

/// The contents of a request's reply.
pub(super) fn expect_reply<R: AgentRequest>(reply: Reply) -> Result<R::Reply, SessionError> {
    R::from_reply(reply).ok_or(SessionError::WrongAnswer { asked: R::NAME })
}

/// A refusal, unless it only echoes the host's own cancel.
pub(super) fn refused(failure: RequestFailure, cancel: &CancellationToken) -> SessionError {
    if failure.kind == FailureKind::Cancelled && cancel.is_cancelled() {
        return SessionError::Cancelled;
    }
    SessionError::Refused(failure)
}

impl<R> Drop for PendingRequest<'_, R> {
    fn drop(&mut self) {
        self.channel.requests.remove(self.id);
        if !self.answered {
            self.channel.send(Frame::Message(ToAgent::Cancel { id: self.id }));
        }
    }
}
