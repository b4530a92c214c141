//! Where hosts reach the agent.

use crate::port::Port;
use crate::session::converse;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixListener;

/// How long to leave a failed `accept` alone: what it lacked may come back.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves any number of hosts on a Unix socket, for ever. A socket that an earlier agent left there is replaced.
pub async fn serve_unix(path: &Path, is_init: bool) -> std::io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = bind_private(path)?;
    let mut conversations = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => conversations.push(converse(stream, is_init)),
                // Out of descriptors, or a host that gave up: neither ends the agent.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = conversations.next(), if !conversations.is_empty() => {}
        }
    }
}

/// A socket that nobody but its owner could connect to at any moment.
fn bind_private(path: &Path) -> std::io::Result<UnixListener> {
    use rustix::{fs::Mode, process::umask};
    // The mask is the whole process's, but the agent has one thread that makes files.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = UnixListener::bind(path);
    umask(before);
    bound
}

/// Serves one host after another on a virtio-serial port, for ever.
pub async fn serve_port(path: &Path, is_init: bool) -> std::io::Result<()> {
    let port = Port::open(path)?;
    loop {
        // However a conversation ended, the next host starts with a new one.
        let _ = converse(port.connected().await?, is_init).await;
    }
}
