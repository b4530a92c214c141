//! vsock: connections between host and guest without a network.

use super::arguments::{Chardev, ChardevBackend, OptionArguments, QemuOption};
use super::string::OptionString;
use crate::qemu::files;
use std::ffi::OsString;

/// A vsock device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VsockDevice {
    /// The kernel's, already opened and given its number.
    Kernel {
        /// The number.
        cid: u32,
        /// The descriptor that QEMU inherits.
        fd: i32,
    },
    /// A process of its own, which needs the guest's memory shared.
    VhostUser,
}

impl VsockDevice {
    pub(crate) fn append_to(self, arguments: &mut OptionArguments) {
        match self {
            Self::Kernel { cid, fd } => drop(arguments.option(&VhostVsockPci { guest_cid: cid, vhostfd: fd })),
            Self::VhostUser => {
                let chardev = Chardev { id: "vsock", backend: ChardevBackend::Peer { path: files::VSOCK_DEVICE } };
                arguments.option(&chardev).option(&VhostUserVsockPci { chardev: chardev.id });
            }
        }
    }
}

/// `-device vhost-vsock-pci`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct VhostVsockPci {
    guest_cid: u32,
    vhostfd: i32,
}

impl QemuOption for VhostVsockPci {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        OptionString::of("vhost-vsock-pci")
            .number("guest-cid", self.guest_cid)
            .set("vhostfd", self.vhostfd.to_string())
            .into_value()
    }
}

/// `-device vhost-user-vsock-pci`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct VhostUserVsockPci {
    chardev: &'static str,
}

impl QemuOption for VhostUserVsockPci {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        OptionString::of("vhost-user-vsock-pci").set("chardev", self.chardev).into_value()
    }
}

/// `-object memory-backend-memfd`: the guest's memory as a file that QEMU can hand to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryBackendMemfd {
    pub(crate) size_mib: u64,
}

impl MemoryBackendMemfd {
    /// Its name for `-machine memory-backend`.
    pub(crate) const ID: &'static str = "ram";
}

impl QemuOption for MemoryBackendMemfd {
    const SWITCH: &'static str = "-object";

    fn value(&self) -> OsString {
        OptionString::of("memory-backend-memfd")
            .set("id", Self::ID)
            .set("size", format!("{}M", self.size_mib))
            .switch("share", super::string::QemuSwitch::On)
            .into_value()
    }
}
