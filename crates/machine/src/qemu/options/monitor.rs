//! QMP: the socket on which QEMU is asked and told.

use super::arguments::{Chardev, ChardevBackend, OptionArguments, QemuOption};
use super::string::OptionString;
use crate::qemu::files;
use std::ffi::OsString;

/// Adds the monitor on its socket.
pub(crate) fn append_to(arguments: &mut OptionArguments) {
    let chardev = Chardev { id: "monitor", backend: ChardevBackend::Socket { path: files::MONITOR } };
    arguments.option(&chardev).option(&MonSwitch { chardev: chardev.id, mode: MonitorMode::Control });
}

/// `-mon`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MonSwitch {
    chardev: &'static str,
    mode: MonitorMode,
}

/// For programs or for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MonitorMode {
    /// QMP.
    Control,
}

impl QemuOption for MonSwitch {
    const SWITCH: &'static str = "-mon";

    fn value(&self) -> OsString {
        let mode = match self.mode {
            MonitorMode::Control => "control",
        };
        OptionString::new().set("chardev", self.chardev).set("mode", mode).into_value()
    }
}
