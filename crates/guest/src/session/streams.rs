//! Requests with bytes in both directions: programs that are fed, and connections.

use super::calls::{AcceptedConnection, Session, on_program_output};
use super::error::SessionError;
use super::pump::RequestEvent;
use super::request::{PendingRequest, RequestSender, expect_reply, refused};
use std::convert::Infallible;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{CHUNK, Connect, Exited, Interactive, OutputStream, TerminalSize};

/// Input for a running program. A closed `input` is the end of its standard input.
#[derive(Debug)]
pub struct InputFeed {
    /// Pieces of at most [`CHUNK`] bytes. Taken only when the guest has room: a short queue holds its sender up.
    pub input: mpsc::Receiver<Bytes>,
    /// New sizes of the terminal.
    pub sizes: mpsc::UnboundedReceiver<TerminalSize>,
}

impl Session {
    /// Runs a program and feeds it, handing over its output as it comes. It is cancelled if the output is not accepted.
    pub async fn interactive<A: AcceptedConnection>(
        &self,
        order: Interactive,
        feed: InputFeed,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]) -> A,
    ) -> Result<Exited, SessionError> {
        let pending = self.start(order)?;
        let feeding = send_feed(pending.sender(), feed);
        let reply = pending.reply(cancel, on_program_output(on_output));
        tokio::select! {
            biased;
            reply = reply => reply,
            never = feeding => match never {},
        }
    }

    /// Joins a stream to a port of the guest, until both directions have ended or the stream is gone.
    pub async fn connect(
        &self,
        port: u16,
        stream: impl AsyncRead + AsyncWrite,
        cancel: &CancellationToken,
    ) -> Result<(), SessionError> {
        let pending = self.start(Connect { port })?;
        let (reader, writer) = tokio::io::split(stream);
        let sender = pending.sender();
        tokio::select! {
            biased;
            closed = receive_stream(pending, writer, cancel) => closed,
            error = send_stream(sender, reader) => Err(SessionError::Local(error)),
        }
    }
}

/// Sends input and sizes, for as long as it is polled.
async fn send_feed(sender: RequestSender<'_>, mut feed: InputFeed) -> Infallible {
    let typing = async {
        let mut outgoing = sender.start_data();
        while let Some(piece) = feed.input.recv().await {
            outgoing.send(piece).await;
        }
        outgoing.end();
    };
    let resizing = async {
        while let Some(size) = feed.sizes.recv().await {
            sender.resize(size);
        }
    };
    tokio::join!(typing, resizing);
    std::future::pending().await
}

/// Sends what is read. Returns only if reading fails: at its end the guest is told, and may still send.
async fn send_stream(sender: RequestSender<'_>, reader: impl AsyncRead) -> std::io::Error {
    let (mut reader, mut outgoing) = (std::pin::pin!(reader), sender.start_data());
    loop {
        let mut piece = BytesMut::with_capacity(CHUNK);
        match reader.read_buf(&mut piece).await {
            Ok(0) => break,
            Ok(_) => outgoing.send(piece.freeze()).await,
            Err(error) => return error,
        }
    }
    outgoing.end();
    std::future::pending().await
}

/// Writes what the guest sends, until both directions have ended.
async fn receive_stream(
    mut pending: PendingRequest<'_, Connect>,
    writer: impl AsyncWrite,
    cancel: &CancellationToken,
) -> Result<(), SessionError> {
    let mut writer = std::pin::pin!(writer);
    loop {
        match pending.next(cancel).await? {
            RequestEvent::Data(bytes) => writer.write_all(&bytes).await.map_err(SessionError::Local)?,
            RequestEvent::End => writer.shutdown().await.map_err(SessionError::Local)?,
            RequestEvent::Done(reply) => return expect_reply::<Connect>(reply),
            RequestEvent::Failed(failure) => return Err(refused(failure, cancel)),
            RequestEvent::Output(..) | RequestEvent::Progress(_) => {}
        }
    }
}
