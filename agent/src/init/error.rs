//! Errors of the preparation of a guest.

use super::CmdlineError;
use std::io;

/// Errors of the preparation of a guest.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A file system could not be mounted.
    #[error("failed to mount {what} on {on}")]
    Mount {
        /// Device or file system.
        what: String,
        /// Mount point.
        on: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file could not be read, made or written.
    #[error("failed to use a file of the guest")]
    File(#[from] io::Error),
    /// The kernel's command line is invalid.
    #[error("failed to parse the kernel command line")]
    Cmdline(#[from] CmdlineError),
    /// A kernel module does not load.
    #[error("failed to load kernel module {name}")]
    Module {
        /// File name in the initramfs.
        name: String,
        /// The system's reason: `ENOENT` means an unknown symbol, a module this one needs.
        #[source]
        source: io::Error,
    },
    /// The disk with the root file system did not appear.
    #[error("no disk {device} after {seconds} s (disks here: {seen})")]
    NoDisk {
        /// The device waited for.
        device: String,
        /// How long.
        seconds: u64,
        /// The disks in `/sys/block`.
        seen: String,
    },
    /// The root file system could not take the initramfs's place.
    #[error("failed to switch to the root file system")]
    SwitchRoot(#[source] io::Error),
    /// The host name or the clock could not be set.
    #[error("failed to set the {what}")]
    Set {
        /// Which of them.
        what: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// No way to talk to the kernel about network interfaces.
    #[error("failed to open a netlink socket")]
    Netlink(#[source] io::Error),
    /// A network interface could not be set up.
    #[error("failed to {doing} {interface}")]
    Interface {
        /// The attempted action.
        doing: &'static str,
        /// Its name.
        interface: &'static str,
        /// The kernel's reason.
        #[source]
        source: rtnetlink::Error,
    },
    /// A network interface is not there.
    #[error("no network interface {0}")]
    NoInterface(&'static str),
    /// The virtio-serial port to the host did not appear.
    #[error("no virtio-serial port {port} after {seconds} s (ports here: {seen})")]
    NoPort {
        /// The port's name.
        port: String,
        /// How long.
        seconds: u64,
        /// The ports in `/sys/class/virtio-ports`.
        seen: String,
    },
}
