//! Parts that all switches share.

use std::ffi::OsString;

/// One switch with its value.
pub(crate) trait QemuOption {
    /// The switch, with its dash.
    const SWITCH: &'static str;

    /// Its value, escaped where its syntax asks for that.
    fn value(&self) -> OsString;
}

/// A command line in the making.
#[derive(Debug, Default)]
pub(crate) struct OptionArguments(Vec<OsString>);

impl OptionArguments {
    /// Adds a switch that takes no value.
    pub(crate) fn flag(&mut self, switch: &'static str) -> &mut Self {
        self.0.push(switch.into());
        self
    }

    /// Adds a switch and its value.
    pub(crate) fn option<O: QemuOption>(&mut self, option: &O) -> &mut Self {
        self.0.extend([O::SWITCH.into(), option.value()]);
        self
    }

    /// The words, in order.
    pub(crate) fn into_words(self) -> Vec<OsString> {
        self.0
    }
}

/// A chardev: a byte stream that a device or the monitor is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chardev {
    /// Its name, for references.
    pub(crate) id: &'static str,
    /// Its backend.
    pub(crate) backend: ChardevBackend,
}

/// Backend of a [`Chardev`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChardevBackend {
    /// A Unix socket that QEMU listens on, without waiting for a connection.
    ///
    /// `path` is relative to QEMU's working directory, which is the machine's folder: the kernel takes 108 bytes
    /// (macOS 104) for the path of a socket, and a store may lie deeper than that.
    Socket { path: &'static str },
    /// A Unix socket that another process listens on. Relative for the same reason.
    Peer { path: &'static str },
    /// A file that is written from its start. Relative for symmetry.
    File { path: &'static str },
    /// QEMU's own standard output.
    Stdio,
}

impl QemuOption for Chardev {
    const SWITCH: &'static str = "-chardev";

    fn value(&self) -> OsString {
        use super::string::{OptionString, QemuSwitch};
        let of = |kind| OptionString::of(kind).set("id", self.id);
        match self.backend {
            ChardevBackend::Socket { path } => {
                of("socket").set("path", path).switch("server", QemuSwitch::On).switch("wait", QemuSwitch::Off)
            }
            ChardevBackend::Peer { path } => of("socket").set("path", path),
            ChardevBackend::File { path } => of("file").set("path", path),
            // `signal=off`: Ctrl-C belongs to vmbuild, which ends QEMU in order.
            ChardevBackend::Stdio => of("stdio").switch("signal", QemuSwitch::Off),
        }
        .into_value()
    }
}
