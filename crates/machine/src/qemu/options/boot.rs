//! `-kernel`, `-initrd`, `-append`: starting the kernel directly, without firmware menus or a boot loader.
//!
//! None of the three has option syntax: their values are taken as they are, commas and all.

use super::arguments::QemuOption;
use std::ffi::OsString;
use std::path::PathBuf;

/// `-kernel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelSwitch(pub(crate) PathBuf);

impl QemuOption for KernelSwitch {
    const SWITCH: &'static str = "-kernel";

    fn value(&self) -> OsString {
        self.0.clone().into_os_string()
    }
}

/// `-initrd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Initrd(pub(crate) PathBuf);

impl QemuOption for Initrd {
    const SWITCH: &'static str = "-initrd";

    fn value(&self) -> OsString {
        self.0.clone().into_os_string()
    }
}

/// `-append`: the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Append(pub(crate) String);

impl QemuOption for Append {
    const SWITCH: &'static str = "-append";

    fn value(&self) -> OsString {
        self.0.clone().into()
    }
}
