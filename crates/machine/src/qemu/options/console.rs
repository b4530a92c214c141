//! The serial console: what the guest's kernel and the agent have to say.

use super::arguments::{Chardev, ChardevBackend, OptionArguments, QemuOption};
use crate::qemu::files;
use std::ffi::OsString;

/// Where the console's text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleChardev {
    /// Into `serial.log` in the machine's folder.
    Log,
    /// To QEMU's standard output.
    Stdout,
}

impl ConsoleChardev {
    pub(crate) fn append_to(self, arguments: &mut OptionArguments) {
        let backend = match self {
            Self::Log => ChardevBackend::File { path: files::CONSOLE },
            Self::Stdout => ChardevBackend::Stdio,
        };
        let chardev = Chardev { id: "console", backend };
        arguments.option(&chardev).option(&SerialSwitch { chardev: chardev.id });
    }
}

/// `-serial`: the first serial port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SerialSwitch {
    chardev: &'static str,
}

impl QemuOption for SerialSwitch {
    const SWITCH: &'static str = "-serial";

    fn value(&self) -> OsString {
        format!("chardev:{}", self.chardev).into()
    }
}
