//! Opening a session: finding the agent in a pipe that may still hold a dead session's bytes.

use super::error::SessionError;
use super::pump::{AgentFrames, Outbound};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Encoder;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{BUILD_ID, Envelope, Epoch, Frame, Hello, PROTOCOL};
use vmbuild_supervise::Deadline;

/// State of a pipe before its first hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOpening {
    /// Empty: the machine has just started, and nobody has used the pipe. The agent answers once it runs.
    Fresh,
    /// Used: it may hold anything that an earlier session left, in either direction.
    Again,
}

impl SessionOpening {
    /// How long to wait for an answer before saying hello again. A guest that boots reads all of them in the end.
    fn patience(self) -> Duration {
        match self {
            Self::Fresh => Duration::from_secs(30),
            Self::Again => Duration::from_millis(500),
        }
    }
}

/// Both directions of a pipe.
pub(super) struct HelloPipe<'a, R, W> {
    pub(super) inbound: &'a mut AgentFrames<R>,
    pub(super) writer: &'a mut W,
}

/// Says hello until the agent of the same build answers.
pub(super) async fn exchange_hellos<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    epoch: Epoch,
    opening: SessionOpening,
    pipe: HelloPipe<'_, R, W>,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<Hello, SessionError> {
    let HelloPipe { inbound, writer } = pipe;
    let hello = encode_hello(epoch)?;
    let exchange = async {
        loop {
            writer.write_all(&hello).await.map_err(|_| SessionError::Lost)?;
            match tokio::time::timeout(opening.patience(), receive_hello(epoch, inbound)).await {
                Ok(answer) => return answer,
                Err(_) => give_up_frame(inbound),
            }
        }
    };
    let theirs = tokio::select! {
        answer = exchange => answer?,
        () = deadline.expired() => return Err(SessionError::NoAnswer { limit: deadline.limit() }),
        () = cancel.cancelled() => return Err(SessionError::Cancelled),
    };
    if theirs.protocol == PROTOCOL && theirs.build == BUILD_ID {
        Ok(theirs)
    } else {
        Err(SessionError::WrongBuild { theirs })
    }
}

/// A dead session's agent may have left half a frame in the pipe: its rest will not come, and the answer may lie
/// behind it already.
fn give_up_frame<R>(inbound: &mut AgentFrames<R>) {
    let mut buffer = std::mem::take(inbound.read_buffer_mut());
    inbound.decoder_mut().give_up(&mut buffer);
    *inbound.read_buffer_mut() = buffer;
}

fn encode_hello(epoch: Epoch) -> Result<BytesMut, SessionError> {
    let (mut bytes, hello) = (BytesMut::new(), Envelope { epoch, frame: Frame::Hello(Hello::ours(epoch)) });
    Outbound::default().encode(hello, &mut bytes).map_err(|error| SessionError::Garbled(error.into()))?;
    Ok(bytes)
}

async fn receive_hello(epoch: Epoch, inbound: &mut AgentFrames<impl AsyncRead + Unpin>) -> Result<Hello, SessionError> {
    loop {
        match inbound.next().await {
            Some(Ok(Envelope { epoch: of, frame: Frame::Hello(hello) })) if of == epoch => return Ok(hello),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(SessionError::broken(Some(error.into()))),
            None => return Err(SessionError::Lost),
        }
    }
}
