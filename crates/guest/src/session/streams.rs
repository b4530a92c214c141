//! Requests with bytes in both directions: programs that are fed, and connections.

use super::calls::{Accepted, Session, output};
use super::error::SessionError;
use super::pump::RequestEvent;
use super::request::{PendingRequest, Speaker, refused};
use std::convert::Infallible;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{CHUNK, Call, Connect, Exited, Interactive, OutputStream, Reply, TerminalSize};

/// What a program is fed with while it runs. A closed `input` is the end of its standard input.
#[derive(Debug)]
pub struct Feed {
    /// Pieces of at most [`CHUNK`] bytes. Taken only when the guest has room: a short queue holds its sender up.
    pub input: mpsc::Receiver<Bytes>,
    /// New sizes of the terminal.
    pub sizes: mpsc::UnboundedReceiver<TerminalSize>,
}

impl Session {
    /// Runs a program and feeds it, handing over its output as it comes. It is cancelled if the output is not accepted.
    pub async fn interactive<A: Accepted>(
        &self,
        order: Interactive,
        feed: Feed,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]) -> A,
    ) -> Result<Exited, SessionError> {
        let asked = self.ask(Call::Interactive(order))?;
        let feeding = speak(asked.speaker(), feed);
        let answer = asked.answer(cancel, output(on_output));
        let answer = tokio::select! {
            biased;
            answer = answer => answer?,
            never = feeding => match never {},
        };
        match answer {
            Reply::Exited(exited) => Ok(exited),
            _ => Err(SessionError::WrongAnswer { asked: "exec" }),
        }
    }

    /// Joins a stream to a port of the guest, until both directions have ended or the stream is gone.
    pub async fn connect(
        &self,
        port: u16,
        stream: impl AsyncRead + AsyncWrite,
        cancel: &CancellationToken,
    ) -> Result<(), SessionError> {
        let asked = self.ask(Call::Connect(Connect { port }))?;
        let (reader, writer) = tokio::io::split(stream);
        let speaker = asked.speaker();
        tokio::select! {
            biased;
            closed = listen(asked, writer, cancel) => closed,
            gone = carry(speaker, reader) => Err(SessionError::Local(gone)),
        }
    }
}

/// Sends input and sizes, for as long as it is polled.
async fn speak(speaker: Speaker<'_>, mut feed: Feed) -> Infallible {
    let typing = async {
        let mut sending = speaker.sending();
        while let Some(piece) = feed.input.recv().await {
            sending.send(piece).await;
        }
        sending.end();
    };
    let resizing = async {
        while let Some(size) = feed.sizes.recv().await {
            speaker.resize(size);
        }
    };
    tokio::join!(typing, resizing);
    std::future::pending().await
}

/// Sends what is read. Returns only if reading fails: its end is said to the guest, which has more to say.
async fn carry(speaker: Speaker<'_>, reader: impl AsyncRead) -> std::io::Error {
    let (mut reader, mut sending) = (std::pin::pin!(reader), speaker.sending());
    loop {
        let mut piece = BytesMut::with_capacity(CHUNK);
        match reader.read_buf(&mut piece).await {
            Ok(0) => break,
            Ok(_) => sending.send(piece.freeze()).await,
            Err(error) => return error,
        }
    }
    sending.end();
    std::future::pending().await
}

async fn listen(
    mut asked: PendingRequest<'_>,
    writer: impl AsyncWrite,
    cancel: &CancellationToken,
) -> Result<(), SessionError> {
    let mut writer = std::pin::pin!(writer);
    loop {
        match asked.next(cancel).await? {
            RequestEvent::Data(bytes) => writer.write_all(&bytes).await.map_err(SessionError::Local)?,
            RequestEvent::End => writer.shutdown().await.map_err(SessionError::Local)?,
            RequestEvent::Done(Reply::Closed) => return Ok(()),
            RequestEvent::Done(_) => return Err(SessionError::WrongAnswer { asked: "connect" }),
            RequestEvent::Failed(failure) => return Err(refused(failure, cancel)),
            RequestEvent::Output(..) | RequestEvent::Progress(_) => {}
        }
    }
}
