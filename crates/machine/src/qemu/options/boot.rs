//! Starting the kernel: directly, by `-kernel`, `-initrd` and `-append`, or by UEFI firmware.
//!
//! None of those three has option syntax: their values are taken as they are, commas and all.

use super::arguments::{OptionArguments, QemuOption};
use super::string::{OptionString, QemuSwitch};
use crate::qemu::files;
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
pub(crate) struct InitrdSwitch(pub(crate) PathBuf);

impl QemuOption for InitrdSwitch {
    const SWITCH: &'static str = "-initrd";

    fn value(&self) -> OsString {
        self.0.clone().into_os_string()
    }
}

/// `-append`: the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppendSwitch(pub(crate) String);

impl QemuOption for AppendSwitch {
    const SWITCH: &'static str = "-append";

    fn value(&self) -> OsString {
        self.0.clone().into()
    }
}

/// UEFI firmware in flash memory: a read-only part with its code, and one with its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirmwareFlash {
    /// Its code.
    pub(crate) code: PathBuf,
}

impl FirmwareFlash {
    pub(crate) fn append_to(&self, arguments: &mut OptionArguments) {
        arguments
            .option(&DrivePflash { unit: 0, file: self.code.clone(), readonly: QemuSwitch::On })
            .option(&DrivePflash { unit: 1, file: files::VARS.into(), readonly: QemuSwitch::Off });
    }
}

/// `-drive if=pflash`. Flash memory is part of the board, so no `-device` can be joined to a `-blockdev` for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DrivePflash {
    unit: u32,
    file: PathBuf,
    readonly: QemuSwitch,
}

impl QemuOption for DrivePflash {
    const SWITCH: &'static str = "-drive";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("if", "pflash")
            .set("format", "raw")
            .number("unit", self.unit)
            .set("file", &self.file)
            .switch("readonly", self.readonly)
            .into_value()
    }
}
