//! One pipe, from its first hello to its end.

use super::dispatch::dispatch;
use super::frames::HostFrames;
use super::host_link::{HostLink, HostMessage};
use crate::cleanup;
use crate::guest::GuestSystem;
use crate::request::{HandlerEvent, RequestContext};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, SinkExt};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::codec::FramedWrite;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{
    Call, Codec, CodecError, Digest, Envelope, Epoch, Frame, FromAgent, Hello, RequestId, ToAgent, WINDOW,
};

/// Serves one host after another over a pipe, until the pipe ends. When this returns, every request has ended and its
/// processes are gone.
pub async fn serve_pipe<P: AsyncRead + AsyncWrite>(pipe: P, guest: GuestSystem) -> Result<(), CodecError> {
    serve_shared_pipe(pipe, guest, std::future::pending).await
}

/// Serves hosts over a pipe that does not end when a host leaves. Once it is `deserted`, the requests of the last host
/// are cancelled.
pub async fn serve_shared_pipe<P: AsyncRead + AsyncWrite>(
    pipe: P,
    guest: GuestSystem,
    deserted: impl AsyncFn(),
) -> Result<(), CodecError> {
    let (reader, writer) = tokio::io::split(pipe);
    let mut inbound = HostFrames::new(reader);
    let (outgoing, queue) = mpsc::unbounded_channel();
    let mut conversation = HostConversation::new(outgoing, guest);
    let active_epoch = Rc::clone(&conversation.active_epoch);
    let mut writing = std::pin::pin!(write_frames(FramedWrite::new(writer, Codec::default()), queue, active_epoch));
    let outcome = loop {
        tokio::select! {
            written = &mut writing => break written,
            frame = inbound.next() => match frame {
                Ok(Some(envelope)) => conversation.on_frame(envelope),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            Some(id) = conversation.running.next(), if !conversation.running.is_empty() => conversation.on_request_end(id),
            () = deserted(), if !conversation.requests.is_empty() => conversation.cancel_all(),
        }
        inbound.set_session(conversation.epoch);
    };
    conversation.close().await;
    outcome
}

/// Writes queued frames of the active session, and drops those of an ended one: nothing waits for them, and they would
/// delay the reply to the next host's hello.
async fn write_frames<W: AsyncWrite>(
    writer: FramedWrite<W, Codec<ToAgent, FromAgent>>,
    mut queue: mpsc::UnboundedReceiver<Envelope<FromAgent>>,
    active_epoch: Rc<Cell<Option<Epoch>>>,
) -> Result<(), CodecError> {
    let mut writer = std::pin::pin!(writer);
    while let Some(envelope) = queue.recv().await {
        let mut next = Some(envelope);
        while let Some(envelope) = next {
            if active_epoch.get() == Some(envelope.epoch) {
                writer.feed(envelope).await?;
            }
            next = queue.try_recv().ok();
        }
        writer.flush().await?;
    }
    Ok(())
}

struct HostConversation {
    guest: GuestSystem,
    outgoing: mpsc::UnboundedSender<Envelope<FromAgent>>,
    epoch: Option<Epoch>,
    /// The epoch of a new host's hello, answered once the requests of the previous session have ended.
    pending_hello: Option<Epoch>,
    /// The session of the last hello: frames of another one are not written any more.
    active_epoch: Rc<Cell<Option<Epoch>>>,
    requests: HashMap<RequestId, ActiveRequest>,
    running: FuturesUnordered<LocalBoxFuture<'static, RequestId>>,
}

struct ActiveRequest {
    link: HostLink,
    cancel: CancellationToken,
    inbox: mpsc::UnboundedSender<HostMessage>,
}

impl HostConversation {
    fn new(outgoing: mpsc::UnboundedSender<Envelope<FromAgent>>, guest: GuestSystem) -> Self {
        Self {
            guest,
            outgoing,
            epoch: None,
            pending_hello: None,
            active_epoch: Rc::default(),
            requests: HashMap::new(),
            running: FuturesUnordered::new(),
        }
    }

    fn on_frame(&mut self, envelope: Envelope<ToAgent>) {
        match envelope.frame {
            Frame::Hello(hello) => self.on_hello(hello.epoch),
            // A dead session's frames may still be in the pipe.
            _ if self.epoch != Some(envelope.epoch) || self.pending_hello.is_some() => {}
            Frame::Message(message) => self.handle_message(message, envelope.epoch),
            Frame::Data { id, bytes } => self.forward(id, HostMessage::Bytes(bytes)),
        }
    }

    fn on_hello(&mut self, epoch: Epoch) {
        if self.epoch != Some(epoch) {
            self.cancel_all();
        }
        self.active_epoch.set(Some(epoch));
        self.pending_hello = Some(epoch);
        self.answer_hello();
    }

    /// Answers the pending hello if no request of another session is left.
    fn answer_hello(&mut self) {
        let Some(epoch) = self.pending_hello else { return };
        if self.epoch == Some(epoch) || self.requests.is_empty() {
            self.pending_hello = None;
            self.epoch = Some(epoch);
            let _ = self.outgoing.send(Envelope { epoch, frame: Frame::Hello(Hello::ours(epoch)) });
        }
    }

    fn handle_message(&mut self, message: ToAgent, epoch: Epoch) {
        match message {
            ToAgent::Request { id, call } => self.start_request(id, call, epoch),
            ToAgent::Cancel { id } => {
                if let Some(running) = self.requests.get(&id) {
                    running.cancel.cancel();
                }
            }
            ToAgent::Credit { id, bytes } => {
                if let Some(running) = self.requests.get(&id) {
                    running.link.add_credit(bytes);
                }
            }
            ToAgent::DataEnd { id, digest } => self.forward(id, HostMessage::End(digest)),
            ToAgent::Resize { id, size } => self.forward(id, HostMessage::Resize(size)),
        }
    }

    fn forward(&self, id: RequestId, message: HostMessage) {
        if let Some(running) = self.requests.get(&id) {
            // A request that has stopped receiving is about to reply.
            let _ = running.inbox.send(message);
        }
    }

    fn start_request(&mut self, id: RequestId, call: Call, epoch: Epoch) {
        let cancel = CancellationToken::new();
        let link = HostLink::new(id, epoch, self.outgoing.clone(), cancel.clone());
        let (inbox, messages) = mpsc::unbounded_channel();
        let mark = format!("{:08x}-{}", epoch.0, id.0);
        self.running.push(
            serve_request(id, call, link.clone(), messages, mark, cancel.clone(), self.guest.clone()).boxed_local(),
        );
        self.requests.insert(id, ActiveRequest { link, cancel, inbox });
    }

    fn on_request_end(&mut self, id: RequestId) {
        self.requests.remove(&id);
        self.answer_hello();
    }

    fn cancel_all(&self) {
        self.requests.values().for_each(|running| running.cancel.cancel());
    }

    async fn close(mut self) {
        self.cancel_all();
        while self.running.next().await.is_some() {}
    }
}

/// Runs one request and sends its reply. The handler's events are forwarded concurrently, so that a slow host delays them
/// but not the handler's own time limit.
async fn serve_request(
    id: RequestId,
    call: Call,
    link: HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
    mark: String,
    cancel: CancellationToken,
    guest: GuestSystem,
) -> RequestId {
    let (events, sent) = mpsc::channel(4);
    let request = RequestContext { mark, cancel, events };
    let work = async {
        let may_leave_processes = starts_programs(&call);
        let outcome = dispatch(call, &request, &link, messages, &guest).await;
        let cleaned_up = if may_leave_processes { cleanup::end_marked(&request.mark).await } else { Ok(()) };
        // The last sender: all events are forwarded, then the reply follows them.
        drop(request);
        outcome.and_then(|reply| cleaned_up.map(|()| reply))
    };
    let (outcome, ()) = tokio::join!(work, forward_events(sent, &link));
    link.send_message(|id| match outcome {
        Ok(reply) => FromAgent::Done { id, reply },
        Err(failure) => FromAgent::Failed { id, failure },
    });
    id
}

/// Returns whether a call may leave processes behind; looking for them takes longer than a ping.
fn starts_programs(call: &Call) -> bool {
    match call {
        Call::Interactive(_)
        | Call::Provision(_)
        | Call::Resolve(_)
        | Call::Build(_)
        | Call::Pack(_)
        | Call::Validate(_)
        | Call::Facts => true,
        // The handler cleans up after its program before it sends the last output.
        Call::Exec(_)
        | Call::Ping
        | Call::PutFile(_)
        | Call::GetFile(_)
        | Call::SetClock(_)
        | Call::PowerOff
        | Call::Connect(_)
        | Call::Fingerprint(_)
        | Call::PutRest(_)
        | Call::GetRest(_)
        | Call::List(_)
        | Call::Make(_)
        | Call::GrowRoot => false,
    }
}

/// Sends the events of a handler to the host.
async fn forward_events(mut events: mpsc::Receiver<HandlerEvent>, link: &HostLink) {
    while let Some(event) = events.recv().await {
        match event {
            HandlerEvent::Output(stream, bytes) => link.send_output(stream, bytes).await,
            HandlerEvent::Progress(progress) => link.send_message(|id| FromAgent::Progress { id, progress }),
        }
    }
}

/// Grants the host's sender more credit, in pieces worth a frame.
#[derive(Debug, Default)]
pub(crate) struct CreditGrants {
    bytes: u32,
}

impl CreditGrants {
    /// Counts consumed bytes, and grants them to the host from time to time.
    pub(crate) fn add(&mut self, bytes: usize, link: &HostLink) {
        self.bytes += u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.bytes >= WINDOW / 4 {
            let bytes = std::mem::take(&mut self.bytes);
            link.send_message(|id| FromAgent::Credit { id, bytes });
        }
    }
}

/// A digest from a byte count and a hash.
pub(crate) fn digest(bytes: u64, sha256: impl Into<[u8; 32]>) -> Digest {
    Digest { bytes, sha256: sha256.into() }
}
