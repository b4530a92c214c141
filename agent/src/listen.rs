//! Where hosts reach the agent: a Unix socket in a sandbox; a virtio-serial port and vsock in a virtual machine, both
//! at once, since the host finds out which of them is the better one. Under an SSH server, standard input and
//! output.

use crate::guest::GuestSystem;
use crate::port::SerialPort;
use crate::session::{serve_pipe, serve_shared_pipe};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio_vsock::{VMADDR_CID_ANY, VMADDR_CID_HOST, VsockAddr, VsockListener};
use vmbuild_protocol::{CodecError, STDIO_READY};

/// Pause after a failed `accept`: the missing resource may come back.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves any number of hosts on a Unix socket, for ever. A socket that an earlier agent left there is replaced.
pub async fn serve_unix(path: &Path, guest: GuestSystem) -> std::io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = bind_private(path)?;
    serve_all(async || listener.accept().await.map(|(stream, _)| stream), guest).await
}

/// Serves the host at the other end of standard input and output, until it hangs up.
pub async fn serve_stdio(guest: GuestSystem) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt;
    tokio::io::stderr().write_all(format!("{STDIO_READY}\n").as_bytes()).await?;
    let pipe = tokio::io::join(tokio::io::stdin(), tokio::io::stdout());
    serve_pipe(pipe, guest).await.map_err(|ended| match ended {
        CodecError::Io(error) => error,
        garbled => std::io::Error::new(std::io::ErrorKind::InvalidData, garbled),
    })
}

/// Serves any number of connections from the host on a vsock port, for ever.
pub async fn serve_vsock(port: u32, guest: GuestSystem) -> std::io::Result<()> {
    let listener = VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port))?;
    let accept = async || match listener.accept().await? {
        (stream, from) if from.cid() == VMADDR_CID_HOST => Ok(stream),
        // The guest's own programs can connect too, and must not command a process that runs as root.
        _ => Err(std::io::ErrorKind::PermissionDenied.into()),
    };
    serve_all(accept, guest).await
}

/// Accepts and serves, for ever.
async fn serve_all<P: AsyncRead + AsyncWrite>(
    mut accept: impl AsyncFnMut() -> std::io::Result<P>,
    guest: GuestSystem,
) -> std::io::Result<()> {
    let mut conversations = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = accept() => match accepted {
                Ok(stream) => conversations.push(serve_pipe(stream, guest.clone())),
                // Out of descriptors, or a host that gave up: neither ends the agent.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = conversations.next(), if !conversations.is_empty() => {}
        }
    }
}

/// Binds a socket that only its owner can connect to, from the first moment on.
fn bind_private(path: &Path) -> std::io::Result<UnixListener> {
    use rustix::{fs::Mode, process::umask};
    // The mask is the whole process's, but the agent has one thread that makes files.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = UnixListener::bind(path);
    umask(before);
    bound
}

/// Serves one host after another on a virtio-serial port, for ever. One conversation serves them all: a host that left
/// and the next one cannot be distinguished before the next one's hello, see [`SerialPort`].
pub async fn serve_port(path: &Path, guest: GuestSystem) -> std::io::Result<()> {
    let port = SerialPort::open(path)?;
    loop {
        let conversation = serve_shared_pipe(port.pipe()?, guest.clone(), async || port.deserted().await);
        // Malformed messages end a conversation, and the next hello begins another. But without its port the
        // agent is of no use.
        if let Err(CodecError::Io(error)) = conversation.await {
            return Err(error);
        }
    }
}
