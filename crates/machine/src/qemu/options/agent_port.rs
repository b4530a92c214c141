//! The virtio-serial port that joins the agent to a socket of the host.

use super::arguments::{Chardev, ChardevBackend, OptionArguments, QemuOption};
use super::string::OptionString;
use crate::agent_parameters::AGENT_PORT;
use crate::qemu::files;
use std::ffi::OsString;

/// Adds controller, port and socket.
pub(crate) fn append_to(arguments: &mut OptionArguments) {
    let chardev = Chardev { id: "agent", backend: ChardevBackend::Socket { path: files::AGENT } };
    arguments.option(&chardev).option(&VirtioSerialPci { id: "serial", max_ports: 2 }).option(&VirtserialportDevice {
        bus: "serial.0",
        chardev: chardev.id,
        name: AGENT_PORT,
    });
}

/// `-device virtio-serial-pci`. Port 0 is kept for a console we do not have; the guest sets up every port there
/// may be, so `max_ports` is the one we use and that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct VirtioSerialPci {
    id: &'static str,
    max_ports: u32,
}

impl QemuOption for VirtioSerialPci {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        OptionString::of("virtio-serial-pci").set("id", self.id).number("max_ports", self.max_ports).into_value()
    }
}

/// `-device virtserialport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct VirtserialportDevice {
    bus: &'static str,
    chardev: &'static str,
    name: &'static str,
}

impl QemuOption for VirtserialportDevice {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        OptionString::of("virtserialport")
            .set("bus", self.bus)
            .set("chardev", self.chardev)
            .set("name", self.name)
            .into_value()
    }
}
