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

/// How long to wait for an answer before saying hello again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Says hello until the agent of the same build answers.
pub(super) async fn greet<W: AsyncWrite + Unpin>(
    epoch: Epoch,
    inbound: &mut Inbound<impl tokio::io::AsyncRead + Unpin>,
    writer: &mut W,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<Hello, SessionError> {
    let talk = async {
        let mut first = true;
        loop {
            writer.write_all(&words(epoch, first)?).await.map_err(|_| SessionError::Lost)?;
            first = false;
            if let Ok(answer) = tokio::time::timeout(PATIENCE, answer(epoch, inbound)).await {
                return answer;
            }
            stop_waiting(inbound);
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

/// A dead session's agent may have left half a frame in the pipe: its rest will not come, and the answer may lie
/// behind it already.
fn stop_waiting<R>(inbound: &mut Inbound<R>) {
    let mut buffer = std::mem::take(inbound.read_buffer_mut());
    inbound.decoder_mut().give_up(&mut buffer);
    *inbound.read_buffer_mut() = buffer;
}

/// A hello, after the first time behind enough zeros to complete any frame whose writer died half-way: the agent
/// then finds its checksum wrong and looks for the next header.
fn words(epoch: Epoch, first: bool) -> Result<BytesMut, SessionError> {
    let mut bytes = BytesMut::new();
    if !first {
        bytes.resize(MAX_PAYLOAD + HEADER, 0);
    }
    let hello = Envelope { epoch, frame: Frame::Hello(Hello::ours(epoch)) };
    Outbound::default().encode(hello, &mut bytes).map_err(|error| SessionError::Garbled(error.into()))?;
    Ok(bytes)
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
