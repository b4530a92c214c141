//! Transports.

use super::SshWay;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A transport to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A Unix socket the agent listens on (sandbox).
    Unix(PathBuf),
    /// A Unix socket that QEMU listens on, joined to a virtio-serial port in the guest. No connection state:
    /// unread bytes of an earlier session may still be in it.
    VirtioSerial(PathBuf),
    /// The kernel's vsock.
    Vsock {
        /// The machine's number, unique on this host.
        cid: u32,
        /// The agent's port.
        port: u32,
    },
    /// vsock through `vhost-device-vsock`, which listens on a Unix socket.
    VhostUserVsock {
        /// The socket.
        socket: PathBuf,
        /// The agent's port.
        port: u32,
    },
    /// SSH: the agent is installed and started through it.
    Ssh(Box<SshWay>),
}

/// Kinds of transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransportKind {
    /// A Unix socket.
    Unix,
    /// A virtio-serial port.
    VirtioSerial,
    /// vsock through the host's kernel.
    Vsock,
    /// vsock through a process of its own.
    VhostUserVsock,
    /// SSH.
    Ssh,
}

impl Transport {
    /// Its kind.
    pub fn kind(&self) -> TransportKind {
        match self {
            Self::Unix(_) => TransportKind::Unix,
            Self::VirtioSerial(_) => TransportKind::VirtioSerial,
            Self::Vsock { .. } => TransportKind::Vsock,
            Self::VhostUserVsock { .. } => TransportKind::VhostUserVsock,
            Self::Ssh(_) => TransportKind::Ssh,
        }
    }
}

impl TransportKind {
    /// Its name for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::VirtioSerial => "virtio-serial",
            Self::Vsock => "vsock",
            Self::VhostUserVsock => "vhost-user-vsock",
            Self::Ssh => "ssh",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.word())
    }
}
