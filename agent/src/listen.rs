//! Where hosts reach the agent.

use crate::port::Port;
use crate::session::converse;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixListener;

/// How often an unconnected port is looked at: it reads as ended, and says nothing when a host comes.
const PORT_POLL: Duration = Duration::from_millis(20);

/// Serves any number of hosts on a Unix socket, for ever. A socket that an earlier agent left there is replaced.
pub async fn serve_unix(path: &Path, is_init: bool) -> std::io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let mut conversations = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => conversations.push(converse(stream, is_init)),
                // Out of descriptors, or a host that gave up: neither ends the agent.
                Err(_) => tokio::time::sleep(PORT_POLL).await,
            },
            Some(_) = conversations.next(), if !conversations.is_empty() => {}
        }
    }
}

/// Serves one host after another on a virtio-serial port, for ever.
pub async fn serve_port(path: &Path, is_init: bool) -> std::io::Result<()> {
    let port = Port::open(path)?;
    loop {
        // However a conversation ended, the next host starts with a new one.
        let _ = converse(port.clone(), is_init).await;
        tokio::time::sleep(PORT_POLL).await;
    }
}
