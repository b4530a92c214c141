//! One pipe, from its first hello to its end.

use super::dispatch::dispatch;
use super::frames::Frames;
use super::link::{HostMessage, Link};
use crate::cleanup;
use crate::guest::GuestSystem;
use crate::request::{RequestContext, Saying};
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

/// Speaks with one host after another over a pipe, until it ends. When this returns, every request it started is
/// over and its processes are gone.
pub async fn converse<P: AsyncRead + AsyncWrite>(pipe: P, guest: GuestSystem) -> Result<(), CodecError> {
    converse_unless(pipe, guest, std::future::pending).await
}

/// The same over a pipe that does not end when a host leaves. Once it is `deserted`, the requests of the last host are
/// cancelled.
pub async fn converse_unless<P: AsyncRead + AsyncWrite>(
    pipe: P,
    guest: GuestSystem,
    deserted: impl AsyncFn(),
) -> Result<(), CodecError> {
    let (reader, writer) = tokio::io::split(pipe);
    let mut inbound = Frames::of(reader);
    let (outgoing, queue) = mpsc::unbounded_channel();
    let mut conversation = Conversation::new(outgoing, guest);
    let speaks = Rc::clone(&conversation.speaks);
    let mut writing = std::pin::pin!(write(FramedWrite::new(writer, Codec::default()), queue, speaks));
    let outcome = loop {
        tokio::select! {
            written = &mut writing => break written,
            heard = inbound.next() => match heard {
                Ok(Some(envelope)) => conversation.on_frame(envelope),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            Some(id) = conversation.jobs.next(), if !conversation.jobs.is_empty() => conversation.over(id),
            () = deserted(), if !conversation.requests.is_empty() => conversation.cancel_all(),
        }
        inbound.listen_to(conversation.epoch);
    };
    conversation.end().await;
    outcome
}

/// Writes what is queued, as long as its session lasts: nobody waits for the rest of what a dead one was told, and the
/// next host's answer would stand behind it.
async fn write<W: AsyncWrite>(
    writer: FramedWrite<W, Codec<ToAgent, FromAgent>>,
    mut queue: mpsc::UnboundedReceiver<Envelope<FromAgent>>,
    speaks: Rc<Cell<Option<Epoch>>>,
) -> Result<(), CodecError> {
    let mut writer = std::pin::pin!(writer);
    while let Some(envelope) = queue.recv().await {
        let mut next = Some(envelope);
        while let Some(envelope) = next {
            if speaks.get() == Some(envelope.epoch) {
                writer.feed(envelope).await?;
            }
            next = queue.try_recv().ok();
        }
        writer.flush().await?;
    }
    Ok(())
}

struct Conversation {
    guest: GuestSystem,
    outgoing: mpsc::UnboundedSender<Envelope<FromAgent>>,
    epoch: Option<Epoch>,
    /// A new host's epoch, answered once the old one's requests are over.
    opening: Option<Epoch>,
    /// The session of the last hello: what belongs to another is not written any more.
    speaks: Rc<Cell<Option<Epoch>>>,
    requests: HashMap<RequestId, ActiveRequest>,
    jobs: FuturesUnordered<LocalBoxFuture<'static, RequestId>>,
}

struct ActiveRequest {
    link: Link,
    cancel: CancellationToken,
    inbox: mpsc::UnboundedSender<HostMessage>,
}

impl Conversation {
    fn new(outgoing: mpsc::UnboundedSender<Envelope<FromAgent>>, guest: GuestSystem) -> Self {
        Self {
            guest,
            outgoing,
            epoch: None,
            opening: None,
            speaks: Rc::default(),
            requests: HashMap::new(),
            jobs: FuturesUnordered::new(),
        }
    }

    fn on_frame(&mut self, envelope: Envelope<ToAgent>) {
        match envelope.frame {
            Frame::Hello(hello) => self.on_hello(hello.epoch),
            // A dead session's frames may still be in the pipe.
            _ if self.epoch != Some(envelope.epoch) || self.opening.is_some() => {}
            Frame::Message(message) => self.handle_message(message, envelope.epoch),
            Frame::Data { id, bytes } => self.pass(id, HostMessage::Bytes(bytes)),
        }
    }

    fn on_hello(&mut self, epoch: Epoch) {
        if self.epoch != Some(epoch) {
            self.cancel_all();
        }
        self.speaks.set(Some(epoch));
        self.opening = Some(epoch);
        self.open();
    }

    /// Answers the waiting hello if nothing of another session is left.
    fn open(&mut self) {
        let Some(epoch) = self.opening else { return };
        if self.epoch == Some(epoch) || self.requests.is_empty() {
            self.opening = None;
            self.epoch = Some(epoch);
            let _ = self.outgoing.send(Envelope { epoch, frame: Frame::Hello(Hello::ours(epoch)) });
        }
    }

    fn handle_message(&mut self, message: ToAgent, epoch: Epoch) {
        match message {
            ToAgent::Request { id, call } => self.start(id, call, epoch),
            ToAgent::Cancel { id } => {
                if let Some(running) = self.requests.get(&id) {
                    running.cancel.cancel();
                }
            }
            ToAgent::Credit { id, bytes } => {
                if let Some(running) = self.requests.get(&id) {
                    running.link.credited(bytes);
                }
            }
            ToAgent::DataEnd { id, digest } => self.pass(id, HostMessage::End(digest)),
            ToAgent::Resize { id, size } => self.pass(id, HostMessage::Resize(size)),
        }
    }

    fn pass(&self, id: RequestId, inbound: HostMessage) {
        if let Some(running) = self.requests.get(&id) {
            // A request that has stopped listening is about to answer.
            let _ = running.inbox.send(inbound);
        }
    }

    fn start(&mut self, id: RequestId, call: Call, epoch: Epoch) {
        let cancel = CancellationToken::new();
        let link = Link::new(id, epoch, self.outgoing.clone(), cancel.clone());
        let (inbox, mail) = mpsc::unbounded_channel();
        let mark = format!("{:08x}-{}", epoch.0, id.0);
        self.jobs.push(serve(id, call, link.clone(), mail, mark, cancel.clone(), self.guest.clone()).boxed_local());
        self.requests.insert(id, ActiveRequest { link, cancel, inbox });
    }

    fn over(&mut self, id: RequestId) {
        self.requests.remove(&id);
        self.open();
    }

    fn cancel_all(&self) {
        self.requests.values().for_each(|running| running.cancel.cancel());
    }

    async fn end(mut self) {
        self.cancel_all();
        while self.jobs.next().await.is_some() {}
    }
}

/// Runs one request and answers it. What its handler says is passed on beside it, so that a slow host holds up
/// the saying but not the handler's own time limit.
async fn serve(
    id: RequestId,
    call: Call,
    link: Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
    mark: String,
    cancel: CancellationToken,
    guest: GuestSystem,
) -> RequestId {
    let (says, said) = mpsc::channel(4);
    let request = RequestContext { mark, cancel, says };
    let work = async {
        let leaves = starts_programs(&call);
        let outcome = dispatch(call, &request, &link, mail, &guest).await;
        let gone = if leaves { cleanup::end_marked(&request.mark).await } else { Ok(()) };
        // The last sender: what was said is passed on to its end, then the answer follows it.
        drop(request);
        outcome.and_then(|reply| gone.map(|()| reply))
    };
    let (outcome, ()) = tokio::join!(work, pass_on(said, &link));
    link.say(|id| match outcome {
        Ok(reply) => FromAgent::Done { id, reply },
        Err(failure) => FromAgent::Failed { id, failure },
    });
    id
}

/// Whether a call may leave processes behind; looking for them takes longer than a ping.
fn starts_programs(call: &Call) -> bool {
    match call {
        Call::Interactive(_)
        | Call::Provision(_)
        | Call::Resolve(_)
        | Call::Build(_)
        | Call::Pack(_)
        | Call::Validate(_)
        | Call::Facts => true,
        // A single program is cleaned up after before its last output goes out.
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

async fn pass_on(mut said: mpsc::Receiver<Saying>, link: &Link) {
    while let Some(saying) = said.recv().await {
        match saying {
            Saying::Output(stream, bytes) => link.output(stream, bytes).await,
            Saying::Progress(progress) => link.say(|id| FromAgent::Progress { id, progress }),
        }
    }
}

/// Grants the host's sender more room, in pieces worth a frame.
#[derive(Debug, Default)]
pub(crate) struct Consumed {
    bytes: u32,
}

impl Consumed {
    /// Notes bytes as consumed and tells the host from time to time.
    pub(crate) fn add(&mut self, bytes: usize, link: &Link) {
        self.bytes += u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.bytes >= WINDOW / 4 {
            let bytes = std::mem::take(&mut self.bytes);
            link.say(|id| FromAgent::Credit { id, bytes });
        }
    }
}

/// The digest of nothing but a count and a hash.
pub(crate) fn digest(bytes: u64, sha256: impl Into<[u8; 32]>) -> Digest {
    Digest { bytes, sha256: sha256.into() }
}
