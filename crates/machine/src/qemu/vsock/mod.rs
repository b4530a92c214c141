//! A machine's vsock device: several concurrent connections.
//!
//! With the host kernel's module, context ids (CIDs) are shared by the whole host, and the only proof that one is free is
//! to have taken it: so [`kernel`] takes it and passes the open device to QEMU. Otherwise `vhost-device-vsock` does the
//! same outside the kernel ([`device`]), for one machine, on a Unix socket. With neither, the machine has no vsock device:
//! virtio-serial always works.

mod device;
mod kernel;

use super::files;
use crate::agent_parameters::VSOCK_PORT;
use crate::backend::Transports;
use crate::qemu::options::VsockDevice;
use crate::{Lifetime, MachineFolder, ProcessIdentity};
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use vmbuild_guest::{FailedTransport, Transport, TransportKind};
use vmbuild_supervise::Child;

pub(super) use device::end_recorded;

/// The vsock device of one start of a machine.
#[derive(Debug)]
pub(super) enum VsockTransport {
    /// The kernel's, with a CID that was taken.
    Kernel { cid: u32, taken: Option<OwnedFd> },
    /// A `vhost-device-vsock` process next to QEMU.
    VhostUser { process: Box<Child>, identity: ProcessIdentity },
    /// No device, and the reason.
    None { why: String },
}

impl VsockTransport {
    /// Takes the best device this host offers.
    pub(super) async fn prepare(folder: &MachineFolder, lifetime: Lifetime) -> Self {
        let no_kernel = match kernel::take() {
            Ok((cid, taken)) => return Self::Kernel { cid, taken: Some(taken) },
            Err(why) => why,
        };
        match device::start(folder, lifetime).await {
            Ok((process, identity)) => Self::VhostUser { process: Box::new(process), identity },
            Err(no_device) => Self::None { why: format!("{no_kernel}; {no_device}") },
        }
    }

    /// No device, because another object owns it now.
    pub(super) fn moved() -> Self {
        Self::None { why: String::new() }
    }

    /// The descriptor that QEMU inherits, under the number in its command line.
    pub(super) fn take_fd(&mut self) -> Option<OwnedFd> {
        match self {
            Self::Kernel { taken, .. } => taken.take(),
            Self::VhostUser { .. } | Self::None { .. } => None,
        }
    }

    /// Kills the device's process, even if it is to outlive us.
    pub(super) fn kill(&self) {
        if let Self::VhostUser { process, .. } = self {
            process.signal_group(nix::sys::signal::Signal::SIGKILL);
        }
    }

    /// Ends the device's process, after QEMU.
    pub(super) async fn end(&mut self) {
        if let Self::VhostUser { process, .. } = self {
            process.shutdown().await;
        }
    }

    /// For QEMU's command line.
    pub(super) fn option(&self) -> Option<VsockDevice> {
        use std::os::fd::AsRawFd;
        match self {
            Self::Kernel { cid, taken: Some(fd) } => Some(VsockDevice::Kernel { cid: *cid, fd: fd.as_raw_fd() }),
            Self::VhostUser { .. } => Some(VsockDevice::VhostUser),
            Self::Kernel { taken: None, .. } | Self::None { .. } => None,
        }
    }

    /// For the machine's record.
    pub(super) fn record(&self) -> VsockRecord {
        match self {
            Self::Kernel { cid, .. } => VsockRecord::Kernel { cid: *cid },
            Self::VhostUser { identity, .. } => VsockRecord::VhostUser { device: *identity },
            Self::None { why } => VsockRecord::None { why: why.clone() },
        }
    }
}

/// The vsock device a machine was started with, in its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum VsockRecord {
    /// The kernel's.
    Kernel {
        /// The machine's number.
        cid: u32,
    },
    /// A `vhost-device-vsock` process next to QEMU.
    VhostUser {
        /// That process.
        device: ProcessIdentity,
    },
    /// No device.
    None {
        /// The reason, for people.
        why: String,
    },
}

/// Transports to the agent of a machine with this vsock device.
pub(super) fn transports(folder: &MachineFolder, vsock: &VsockRecord) -> Transports {
    let serial = Transport::VirtioSerial(folder.file(files::AGENT));
    match vsock {
        VsockRecord::Kernel { cid } => usable(vec![Transport::Vsock { cid: *cid, port: VSOCK_PORT }, serial]),
        VsockRecord::VhostUser { .. } => {
            if let Some(reason) = device::crash_report(folder) {
                return without(serial, TransportKind::VhostUserVsock, reason);
            }
            let device = Transport::VhostUserVsock { socket: folder.file(files::VSOCK), port: VSOCK_PORT };
            usable(vec![device, serial])
        }
        VsockRecord::None { why } => without(serial, TransportKind::Vsock, why.clone()),
    }
}

fn usable(usable: Vec<Transport>) -> Transports {
    Transports { usable, failed: Vec::new() }
}

fn without(serial: Transport, transport: TransportKind, reason: String) -> Transports {
    Transports { usable: vec![serial], failed: vec![FailedTransport { transport, reason }] }
}
