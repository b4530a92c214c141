//! From a transport to a pipe.

use super::{SshError, Transport, connect_socket, ssh};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::task::TaskTracker;

/// A pipe that was accepted.
pub type Pipe = Pin<Box<dyn PipeStream>>;

/// The properties of every pipe.
pub trait PipeStream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> PipeStream for S {}

/// Errors of connecting.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A socket.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// SSH.
    #[error(transparent)]
    Ssh(Box<SshError>),
}

impl From<SshError> for ConnectError {
    fn from(error: SshError) -> Self {
        Self::Ssh(Box::new(error))
    }
}

impl ConnectError {
    /// Returns whether another attempt may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Io(_) => true,
            Self::Ssh(error) => error.may_pass(),
        }
    }
}

/// Opens the pipe once, without waiting for an agent to answer on it.
pub async fn connect(transport: &Transport) -> Result<Pipe, ConnectError> {
    connect_tracked(transport, &TaskTracker::new()).await
}

/// The same. `asked` are the requests to vsock devices; they go on when this future is dropped, and whoever can wait for
/// them should.
pub(super) async fn connect_tracked(transport: &Transport, asked: &TaskTracker) -> Result<Pipe, ConnectError> {
    match transport {
        Transport::Unix(socket) | Transport::VirtioSerial(socket) => Ok(Box::pin(connect_socket(socket).await?)),
        Transport::Vsock { cid, port } => Ok(through_kernel(*cid, *port).await?),
        Transport::VhostUserVsock { socket, port } => {
            // vhost-device-vsock 0.3.0 writes the guest's answer with an `unwrap`, so a caller that hangs up before it
            // ends the thread that serves the machine, and with it every connection to come (vsock_conn.rs, line 238).
            let asking = asked.spawn(through_device(socket.clone(), *port));
            Ok(Box::pin(asking.await.map_err(io::Error::other)??))
        }
        Transport::Ssh(way) => Ok(Box::pin(ssh::connect(way)).await?),
    }
}

#[cfg(target_os = "linux")]
async fn through_kernel(cid: u32, port: u32) -> io::Result<Pipe> {
    Ok(Box::pin(tokio_vsock::VsockStream::connect(tokio_vsock::VsockAddr::new(cid, port)).await?))
}

#[cfg(not(target_os = "linux"))]
async fn through_kernel(_: u32, _: u32) -> io::Result<Pipe> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Longest answer of the device: `OK`, a port number, a line's end.
const LONGEST: usize = 32;

/// Asks the device for a port of the guest.
async fn through_device(socket: PathBuf, port: u32) -> io::Result<UnixStream> {
    let mut pipe = connect_socket(&socket).await?;
    let answer = request_port(&mut pipe, port).await.map_err(|error| match error.kind() {
        // The device refuses by one of these, depending on when it hung up.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            let message = format!("the guest does not listen on vsock port {port}");
            io::Error::new(io::ErrorKind::ConnectionRefused, message)
        }
        _ => error,
    })?;
    if answer.starts_with(b"OK ") { Ok(pipe) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The device's answer, a line. Source: vhost-device-vsock's README, "Guest listening"; the same as Firecracker's.
async fn request_port(pipe: &mut UnixStream, port: u32) -> io::Result<Vec<u8>> {
    pipe.write_all(format!("CONNECT {port}\n").as_bytes()).await?;
    let mut line = Vec::new();
    // Byte by byte: the bytes after the line are the agent's.
    while !line.ends_with(b"\n") && line.len() < LONGEST {
        line.push(pipe.read_u8().await?);
    }
    Ok(line)
}
