//! Opening a session: finding the agent in a pipe that may still hold a dead session's bytes.

use super::error::SessionError;
use super::pump::{Inbound, Outbound};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Encoder;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::codec::HEADER;
use vmbuild_protocol::{BUILD_ID, Envelope, Epoch, Frame, Hello, MAX_PAYLOAD, PROTOCOL};
use vmbuild_supervise::Deadline;

/// What may be in a pipe before its first hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing: the machine has just started, and nobody has used the pipe. The agent answers when it is there.
    Fresh,
    /// Whatever an earlier session left, in either direction.
    Again,
}

impl Opening {
    /// How long to wait for an answer before saying hello again, with the marker that ends a dead session's frame.
    /// A guest that boots needs no second hello, and reading a megabyte of zeros would only delay it.
    fn patience(self) -> Duration {
        match self {
            Self::Fresh => Duration::from_secs(30),
            Self::Again => Duration::from_millis(500),
        }
    }
}

/// Says hello until the agent of the same build answers.
pub(super) async fn greet<W: AsyncWrite + Unpin>(
    epoch: Epoch,
    opening: Opening,
    (inbound, writer): (&mut Inbound<impl tokio::io::AsyncRead + Unpin>, &mut W),
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<Hello, SessionError> {
    let talk = async {
        let mut first = true;
        loop {
            let words = words(epoch, first)?;
            first = false;
            match exchange(epoch, words, opening.patience(), (inbound, writer)).await? {
                Some(answer) => return Ok(answer),
                None => stop_waiting(inbound),
            }
        }
    };
    let theirs = tokio::select! {
        answer = talk => answer?,
        () = deadline.expired() => return Err(SessionError::NoAnswer { limit: deadline.limit() }),
        () = cancel.cancelled() => return Err(SessionError::Cancelled),
    };
    if theirs.protocol == PROTOCOL && theirs.build == BUILD_ID {
        Ok(theirs)
    } else {
        Err(SessionError::WrongBuild { theirs })
    }
}

/// Says the words and waits for the answer, both at once: the pipe may be full of what somebody else has yet to
/// read, and the answer to an earlier hello may be behind that. None if none came within `patience` of the last word:
/// on a busy host the marker alone may take longer than that, and must not be begun again and again.
async fn exchange<W: AsyncWrite + Unpin>(
    epoch: Epoch,
    mut words: Words,
    patience: Duration,
    (inbound, writer): (&mut Inbound<impl tokio::io::AsyncRead + Unpin>, &mut W),
) -> Result<Option<Hello>, SessionError> {
    let mut answer = std::pin::pin!(answer(epoch, inbound));
    while !words.bytes.is_empty() {
        tokio::select! {
            biased;
            hello = &mut answer => {
                let hello = hello?;
                writer.write_all_buf(words.rest()).await.map_err(|_| SessionError::Lost)?;
                return Ok(Some(hello));
            }
            written = writer.write_buf(&mut words.bytes) => {
                written.map_err(|_| SessionError::Lost)?;
            }
        }
    }
    tokio::time::timeout(patience, answer).await.ok().transpose()
}

/// A dead session's agent may have left half a frame in the pipe: its rest will not come, and the answer may lie
/// behind it already.
fn stop_waiting<R>(inbound: &mut Inbound<R>) {
    let mut buffer = std::mem::take(inbound.read_buffer_mut());
    inbound.decoder_mut().give_up(&mut buffer);
    *inbound.read_buffer_mut() = buffer;
}

/// A hello in front of which zeros may stand.
struct Words {
    bytes: BytesMut,
    /// Length of the hello at their end.
    hello: usize,
}

impl Words {
    /// What still has to be written for the agent to find the next frame: zeros can be left out, a hello that has
    /// begun cannot.
    fn rest(&mut self) -> &mut BytesMut {
        if self.bytes.len() >= self.hello {
            self.bytes.clear();
        }
        &mut self.bytes
    }
}

/// A hello, after the first time behind the marker: enough zeros to complete any frame whose writer died half-way.
/// The agent then finds its checksum wrong and looks for the next header.
fn words(epoch: Epoch, first: bool) -> Result<Words, SessionError> {
    let mut bytes = BytesMut::new();
    let zeros = if first { 0 } else { MAX_PAYLOAD + HEADER };
    bytes.resize(zeros, 0);
    let hello = Envelope { epoch, frame: Frame::Hello(Hello::ours(epoch)) };
    Outbound::default().encode(hello, &mut bytes).map_err(|error| SessionError::Garbled(error.into()))?;
    let hello = bytes.len() - zeros;
    Ok(Words { bytes, hello })
}

async fn answer(epoch: Epoch, inbound: &mut Inbound<impl tokio::io::AsyncRead + Unpin>) -> Result<Hello, SessionError> {
    loop {
        match inbound.next().await {
            Some(Ok(Envelope { epoch: of, frame: Frame::Hello(hello) })) if of == epoch => return Ok(hello),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(SessionError::broken(Some(error.into()))),
            None => return Err(SessionError::Lost),
        }
    }
}
