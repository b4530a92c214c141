//! The guest's network: none, or user-mode NAT.

use super::arguments::{OptionArguments, QemuOption};
use super::string::{OptionString, QemuSwitch};
use crate::Network;
use std::ffi::OsString;

/// Adds what `network` needs.
pub(crate) fn append_to(network: Network, arguments: &mut OptionArguments) {
    match network {
        Network::None => {
            arguments.option(&NicNone);
        }
        Network::Outgoing => {
            let netdev = NetdevUser { id: "net" };
            arguments.option(&netdev).option(&VirtioNetPci { netdev: netdev.id, romfile: "" });
        }
    }
}

/// `-nic none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NicNone;

impl QemuOption for NicNone {
    const SWITCH: &'static str = "-nic";

    fn value(&self) -> OsString {
        OptionString::of("none").into_value()
    }
}

/// `-netdev user`: outgoing connections as ordinary connections of the QEMU process, nothing incoming.
///
/// The address is QEMU's default, written out because the agent relies on it: it asks no DHCP server. No IPv6:
/// where the host has none, programs in the guest would wait for it in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NetdevUser {
    id: &'static str,
}

impl QemuOption for NetdevUser {
    const SWITCH: &'static str = "-netdev";

    fn value(&self) -> OsString {
        OptionString::of("user")
            .set("id", self.id)
            .set("net", "10.0.2.0/24")
            .set("host", "10.0.2.2")
            .set("dns", "10.0.2.3")
            .switch("ipv6", QemuSwitch::Off)
            .into_value()
    }
}

/// `-device virtio-net-pci`. The empty `romfile` leaves out the boot firmware, which costs time and a file that
/// not every QEMU package brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct VirtioNetPci {
    netdev: &'static str,
    romfile: &'static str,
}

impl QemuOption for VirtioNetPci {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        OptionString::of("virtio-net-pci").set("netdev", self.netdev).set("romfile", self.romfile).into_value()
    }
}
