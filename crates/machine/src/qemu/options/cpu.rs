//! `-cpu`, `-smp`: which processor, and how many.

use super::arguments::QemuOption;
use super::platform::Arch;
use super::string::{OptionString, QemuSwitch};
use crate::Accelerator;
use std::ffi::OsString;

/// `-cpu`: the host's own where hardware executes, everything QEMU can translate otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CpuSwitch {
    pub(crate) arch: Arch,
    pub(crate) accelerator: Accelerator,
}

impl QemuOption for CpuSwitch {
    const SWITCH: &'static str = "-cpu";

    fn value(&self) -> OsString {
        match (self.accelerator, self.arch) {
            (Accelerator::Kvm | Accelerator::Hvf, _) => OptionString::of("host"),
            // Not `max`: every instruction set it offers is one that glibc and the kernel then use and TCG must
            // imitate. Measured with QEMU 7.2 and gcc -O0 in the guest: `max` 100 s, `qemu64` 73 s. And without
            // CMPXCHG16B: Linux 6.12 allocates with it, and QEMU 7.2 with two processors crashes that kernel in three
            // starts of four, in `__kmalloc` right behind the instruction; without it none of six.
            (Accelerator::Tcg, Arch::X86_64) => OptionString::of("qemu64").switch("cx16", QemuSwitch::Off),
            // The architected pointer authentication algorithm is a cipher: translated, it costs more than
            // all else the guest does. The implementation-defined one is a plain hash.
            (Accelerator::Tcg, Arch::Aarch64) => OptionString::of("max").switch("pauth-impdef", QemuSwitch::On),
        }
        .into_value()
    }
}

/// `-smp`: how many processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SmpSwitch {
    pub(crate) cpus: u32,
}

impl QemuOption for SmpSwitch {
    const SWITCH: &'static str = "-smp";

    fn value(&self) -> OsString {
        OptionString::new().number("cpus", self.cpus).into_value()
    }
}
