//! `-machine`, `-accel`, `-m`: the board, who executes its instructions, its memory.

use super::arguments::QemuOption;
use super::platform::Arch;
use super::string::{OptionString, QemuSwitch};
use crate::Accelerator;
use std::ffi::OsString;

/// `-machine`: a modern board without the parts no guest of ours uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MachineSwitch {
    pub(crate) arch: Arch,
    pub(crate) accelerator: Accelerator,
    /// The memory's name, where `-m` alone does not make it.
    pub(crate) memory_backend: Option<&'static str>,
}

impl QemuOption for MachineSwitch {
    const SWITCH: &'static str = "-machine";

    fn value(&self) -> OsString {
        let board = match self.arch {
            // No VMware port, SATA, SMBus or HPET: each costs the guest's kernel time to find and is never used.
            Arch::X86_64 => OptionString::of("q35")
                .switch("vmport", QemuSwitch::Off)
                .switch("sata", QemuSwitch::Off)
                .switch("smbus", QemuSwitch::Off)
                .switch("hpet", QemuSwitch::Off),
            // Version 2 of the interrupt controller, the default, ends at eight processors. KVM can only offer
            // what the host's chip has.
            Arch::Aarch64 => OptionString::of("virt").set("gic-version", self.gic_version()),
        };
        match self.memory_backend {
            Some(backend) => board.set("memory-backend", backend),
            None => board,
        }
        .into_value()
    }
}

impl MachineSwitch {
    fn gic_version(self) -> &'static str {
        match self.accelerator {
            Accelerator::Kvm => "host",
            Accelerator::Hvf | Accelerator::Tcg => "3",
        }
    }
}

/// `-accel`: exactly one. QEMU would fall back along a list in silence, and nobody would know which it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccelSwitch(pub(crate) Accelerator);

impl QemuOption for AccelSwitch {
    const SWITCH: &'static str = "-accel";

    fn value(&self) -> OsString {
        match self.0 {
            Accelerator::Kvm => OptionString::of("kvm"),
            Accelerator::Hvf => OptionString::of("hvf"),
            // One thread per processor, and room (MiB, taken as it is used) for the translated code of a whole
            // compiler: when the buffer is full QEMU throws all of it away and starts again.
            Accelerator::Tcg => OptionString::of("tcg").set("thread", "multi").number("tb-size", 1024u32),
        }
        .into_value()
    }
}

/// `-m`: memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) size_mib: u64,
}

impl QemuOption for Memory {
    const SWITCH: &'static str = "-m";

    fn value(&self) -> OsString {
        OptionString::new().set("size", format!("{}M", self.size_mib)).into_value()
    }
}
