//! A channel as a pipe, with standard error kept apart.

use super::dial::SshConnection;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, SimplexStream};
use tokio_util::task::AbortOnDropHandle;
use vmbuild_supervise::Tail;

/// Bytes buffered between the channel and its reader: beyond them the server waits.
const BUFFER: usize = 256 << 10;

/// The receiving half of a channel.
pub(super) struct ChannelListener {
    from: ChannelReadHalf,
    /// The program's exit code, once it has ended.
    pub(super) status: Option<u32>,
    /// The end of its standard error.
    pub(super) tail: Tail,
}

impl ChannelListener {
    pub(super) fn new(from: ChannelReadHalf) -> Self {
        Self { from, status: None, tail: Tail::default() }
    }

    /// Waits for this line on standard error. Returns whether it came before the end.
    pub(super) async fn wait_for_line(&mut self, word: &str) -> bool {
        let mut said = Vec::new();
        while let Some(message) = self.from.wait().await {
            match message {
                ChannelMsg::ExtendedData { data, .. } => {
                    said.extend_from_slice(&data);
                    if String::from_utf8_lossy(&said).lines().any(|line| line == word) {
                        return true;
                    }
                    self.tail.push(&data);
                }
                ChannelMsg::ExitStatus { exit_status } => self.status = Some(exit_status),
                _ => {}
            }
        }
        false
    }

    /// Forwards standard output until its end.
    async fn forward_stdout(mut self, mut to: tokio::io::WriteHalf<SimplexStream>) -> Self {
        while let Some(message) = self.from.wait().await {
            match message {
                // The reader is gone: the channel ends with the pipe.
                ChannelMsg::Data { data } if to.write_all(&data).await.is_err() => break,
                ChannelMsg::ExtendedData { data, .. } => self.tail.push(&data),
                ChannelMsg::ExitStatus { exit_status } => self.status = Some(exit_status),
                _ => {}
            }
        }
        // The reader finds the end of the file.
        let _ = to.shutdown().await;
        self
    }
}

/// The agent's standard input and output.
pub(super) struct SshPipe {
    from: tokio::io::ReadHalf<SimplexStream>,
    to: Pin<Box<dyn AsyncWrite + Send>>,
    _listening: AbortOnDropHandle<ChannelListener>,
    /// Ends the connection when it is dropped; the agent's input ends with it.
    _connection: SshConnection,
}

impl SshPipe {
    pub(super) fn new(connection: SshConnection, listener: ChannelListener, to: &ChannelWriteHalf<Msg>) -> Self {
        let (from, inner) = tokio::io::simplex(BUFFER);
        let listening = AbortOnDropHandle::new(tokio::spawn(listener.forward_stdout(inner)));
        Self { from, to: Box::pin(to.make_writer()), _listening: listening, _connection: connection }
    }
}

impl AsyncRead for SshPipe {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.from).poll_read(cx, to)
    }
}

impl AsyncWrite for SshPipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.to.as_mut().poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.as_mut().poll_shutdown(cx)
    }
}
