//! The task between the pipe and the requests.

use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite};
use vmbuild_protocol::{
    Codec, CodecError, Envelope, Epoch, Failure, Frame, FromAgent, OutputStream, Progress, Reply, RequestId, ToAgent,
    WINDOW,
};

pub(super) type Outbound = Codec<FromAgent, ToAgent>;
pub(super) type Inbound<R> = FramedRead<R, Codec<FromAgent, ToAgent>>;

/// What a request hears.
#[derive(Debug)]
pub(super) enum Heard {
    Output(OutputStream, Vec<u8>),
    Progress(Progress),
    Data(Bytes),
    /// The digest itself comes again with the answer.
    End,
    Done(Reply),
    Failed(Failure),
}

/// A request's place in the pump.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    pub(super) heard: mpsc::UnboundedSender<Heard>,
    pub(super) credit: Arc<Semaphore>,
}

/// The requests under way; `None` once the pipe is gone.
#[derive(Debug)]
pub(super) struct Desk(Mutex<Option<HashMap<RequestId, Listener>>>);

impl Default for Desk {
    fn default() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }
}

impl Desk {
    fn with<T>(&self, act: impl FnOnce(&mut Option<HashMap<RequestId, Listener>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a request, unless the pipe is gone.
    pub(super) fn add(&self, id: RequestId, listener: Listener) -> bool {
        self.with(|requests| requests.as_mut().map(|requests| requests.insert(id, listener)).is_some())
    }

    pub(super) fn remove(&self, id: RequestId) {
        self.with(|requests| requests.as_mut().and_then(|requests| requests.remove(&id)));
    }

    fn of(&self, id: RequestId) -> Option<Listener> {
        self.with(|requests| requests.as_ref()?.get(&id).cloned())
    }

    /// Ends every request: their senders go, so each hears that nothing more comes.
    fn close(&self) {
        self.with(|requests| *requests = None);
    }
}

/// Moves frames both ways until the pipe or the session ends.
pub(super) async fn pump<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    epoch: Epoch,
    mut inbound: Inbound<R>,
    writer: W,
    mut queue: mpsc::UnboundedReceiver<Envelope<ToAgent>>,
    desk: Arc<Desk>,
) {
    let mut outbound = FramedWrite::new(writer, Outbound::default());
    let reading = async {
        while let Some(Ok(envelope)) = inbound.next().await {
            if envelope.epoch == epoch {
                route(&desk, envelope.frame);
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
    tokio::select! {
        () = reading => {}
        // Either the pipe failed or the session was dropped: in both cases nothing more can be heard.
        _ = writing => {}
    }
    desk.close();
}

fn route(desk: &Desk, frame: Frame<FromAgent>) {
    let (id, heard) = match frame {
        Frame::Hello(_) => return,
        Frame::Data { id, bytes } => (id, Heard::Data(bytes)),
        Frame::Message(message) => match message {
            FromAgent::Credit { id, bytes } => return credit(desk, id, bytes),
            FromAgent::Output { id, stream, bytes } => (id, Heard::Output(stream, bytes)),
            FromAgent::Progress { id, progress } => (id, Heard::Progress(progress)),
            FromAgent::DataEnd { id, .. } => (id, Heard::End),
            FromAgent::Done { id, reply } => (id, Heard::Done(reply)),
            FromAgent::Failed { id, failure } => (id, Heard::Failed(failure)),
        },
    };
    if let Some(listener) = desk.of(id) {
        // A request that was just dropped listens no more.
        let _ = listener.heard.send(heard);
    }
}

fn credit(desk: &Desk, id: RequestId, bytes: u32) {
    if let Some(listener) = desk.of(id) {
        let room = (WINDOW as usize).saturating_sub(listener.credit.available_permits());
        listener.credit.add_permits(room.min(bytes as usize));
    }
}
