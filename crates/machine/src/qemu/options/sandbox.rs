//! `-sandbox`: what QEMU itself may do, should a guest break into it.

use super::arguments::QemuOption;
use super::string::{OptionString, QemuSwitch};
use std::ffi::OsString;

/// Everything QEMU can renounce: old system calls, more rights, other programs, its own priorities. It is a
/// filter of Linux system calls and exists only there. With it QEMU cannot `-daemonize`, which we never ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SandboxSwitch;

impl QemuOption for SandboxSwitch {
    const SWITCH: &'static str = "-sandbox";

    fn value(&self) -> OsString {
        const DENIED: [&str; 4] = ["obsolete", "elevateprivileges", "spawn", "resourcecontrol"];
        let enabled = OptionString::new().switch("enable", QemuSwitch::On);
        DENIED.into_iter().fold(enabled, |option, what| option.set(what, "deny")).into_value()
    }
}
