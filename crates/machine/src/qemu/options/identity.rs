//! `-name`, `-uuid`: what a QEMU is known by.

use super::arguments::QemuOption;
use super::string::OptionString;
use std::ffi::OsString;

/// `-name`: for people who look at a list of processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) guest: String,
}

impl QemuOption for Name {
    const SWITCH: &'static str = "-name";

    fn value(&self) -> OsString {
        OptionString::new().set("guest", &self.guest).into_value()
    }
}

/// `-uuid`: random for each start, and asked back over QMP. It proves that a monitor belongs to our QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UuidSwitch(pub(crate) uuid::Uuid);

impl QemuOption for UuidSwitch {
    const SWITCH: &'static str = "-uuid";

    fn value(&self) -> OsString {
        self.0.to_string().into()
    }
}
