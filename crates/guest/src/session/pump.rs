//! The task between the pipe and the requests.

use super::error::SessionError;
use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite};
use vmbuild_protocol::{
    Codec, CodecError, Envelope, Epoch, Frame, FromAgent, OutputStream, Progress, Reply, RequestFailure, RequestId,
    ToAgent, WINDOW,
};

pub(super) type Outbound = Codec<FromAgent, ToAgent>;
pub(super) type AgentFrames<R> = FramedRead<R, Codec<FromAgent, ToAgent>>;

/// Events of a request.
#[derive(Debug)]
pub(super) enum RequestEvent {
    Output(OutputStream, Bytes),
    Progress(Progress),
    Data(Bytes),
    /// The digest itself comes again with the answer.
    End,
    Done(Reply),
    Failed(RequestFailure),
}

/// A request's place in the pump.
#[derive(Debug, Clone)]
pub(super) struct RequestListener {
    pub(super) events: mpsc::UnboundedSender<RequestEvent>,
    pub(super) credit: Arc<Semaphore>,
}

/// The requests under way.
#[derive(Debug, Default)]
pub(super) struct RequestTable {
    requests: Mutex<OpenRequests>,
    last_heard: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct OpenRequests {
    by_id: HashMap<RequestId, RequestListener>,
    /// Set once the pipe is gone: nothing more can arrive.
    closed: bool,
    /// The reason, where it did not simply end.
    error: Option<Arc<CodecError>>,
}

impl RequestTable {
    fn requests(&self) -> MutexGuard<'_, OpenRequests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_arrival(&self) {
        *self.last_heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// When the agent last sent anything in this session, if it has.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        *self.last_heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request, unless the pipe is gone.
    pub(super) fn add(&self, id: RequestId, listener: RequestListener) -> bool {
        let mut requests = self.requests();
        if !requests.closed {
            requests.by_id.insert(id, listener);
        }
        !requests.closed
    }

    pub(super) fn remove(&self, id: RequestId) {
        self.requests().by_id.remove(&id);
    }

    fn listener(&self, id: RequestId) -> Option<RequestListener> {
        self.requests().by_id.get(&id).cloned()
    }

    /// Ends every request: their senders are dropped, so each queue ends.
    fn close(&self, error: Option<CodecError>) {
        *self.requests() = OpenRequests { by_id: HashMap::new(), closed: true, error: error.map(Arc::new) };
    }

    /// The error of a request whose queue has ended.
    pub(super) fn broken(&self) -> SessionError {
        SessionError::broken(self.requests().error.clone())
    }
}

/// Moves frames both ways until the pipe or the session ends.
pub(super) async fn pump<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    epoch: Epoch,
    mut inbound: AgentFrames<R>,
    writer: W,
    mut queue: mpsc::UnboundedReceiver<Envelope<ToAgent>>,
    requests: Arc<RequestTable>,
) {
    let mut outbound = FramedWrite::new(writer, Outbound::default());
    let reading = async {
        loop {
            match inbound.next().await {
                Some(Ok(envelope)) if envelope.epoch == epoch => {
                    requests.note_arrival();
                    route_frame(&requests, envelope.frame);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(error),
                None => return None,
            }
        }
    };
    let writing = async {
        while let Some(envelope) = queue.recv().await {
            outbound.feed(envelope).await?;
            while let Ok(envelope) = queue.try_recv() {
                outbound.feed(envelope).await?;
            }
            outbound.flush().await?;
        }
        Ok::<(), CodecError>(())
    };
    let error = tokio::select! {
        error = reading => error,
        // Either the pipe failed or the session was dropped: in both cases nothing more can arrive.
        written = writing => written.err(),
    };
    requests.close(error);
}

fn route_frame(requests: &RequestTable, frame: Frame<FromAgent>) {
    let (id, event) = match frame {
        Frame::Hello(_) => return,
        Frame::Data { id, bytes } => (id, RequestEvent::Data(bytes)),
        Frame::Message(message) => match message {
            FromAgent::Credit { id, bytes } => return add_credit(requests, id, bytes),
            FromAgent::Output { id, stream, bytes } => (id, RequestEvent::Output(stream, bytes)),
            FromAgent::Progress { id, progress } => (id, RequestEvent::Progress(progress)),
            FromAgent::DataEnd { id, .. } => (id, RequestEvent::End),
            FromAgent::Done { id, reply } => (id, RequestEvent::Done(reply)),
            FromAgent::Failed { id, failure } => (id, RequestEvent::Failed(failure)),
        },
    };
    if let Some(listener) = requests.listener(id) {
        // A request that was just dropped needs no events.
        let _ = listener.events.send(event);
    }
}

fn add_credit(requests: &RequestTable, id: RequestId, bytes: u32) {
    if let Some(listener) = requests.listener(id) {
        let room = (WINDOW as usize).saturating_sub(listener.credit.available_permits());
        listener.credit.add_permits(room.min(bytes as usize));
    }
}
