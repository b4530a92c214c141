//! QMP: the socket on which QEMU is asked and told.

use super::arguments::{Arguments, Chardev, ChardevBackend, QemuOption};
use super::string::OptionString;
use crate::qemu::files;
use std::ffi::OsString;

/// Adds the monitor on its socket.
pub(crate) fn append_to(arguments: &mut Arguments) {
    let chardev = Chardev { id: "monitor", backend: ChardevBackend::Socket { path: files::MONITOR } };
    arguments.option(&chardev).option(&Mon { chardev: chardev.id, mode: Mode::Control });
}

/// `-mon`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mon {
    chardev: &'static str,
    mode: Mode,
}

/// For programs or for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// QMP.
    Control,
}

impl QemuOption for Mon {
    const SWITCH: &'static str = "-mon";

    fn value(&self) -> OsString {
        let mode = match self.mode {
            Mode::Control => "control",
        };
        OptionString::new().set("chardev", self.chardev).set("mode", mode).into_value()
    }
}
