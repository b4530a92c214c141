//! The random number device: a guest that has just started has no randomness of its own, and waits for some.

use super::arguments::QemuOption;
use super::string::OptionString;
use std::ffi::OsString;

/// `-device virtio-rng-pci`, fed by QEMU's own generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VirtioRngPci;

impl QemuOption for VirtioRngPci {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        OptionString::of("virtio-rng-pci").into_value()
    }
}
