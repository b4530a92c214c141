//! QEMU's command line, from a machine's data: pure, so that it is tested without QEMU.
//!
//! QEMU takes some forty switches, most with a little language of their own behind them, and says little about
//! what it did not understand. So there is one struct for each switch or device, named after it, with fields
//! named after its parameters (`cache.no-flush` is `cache_no_flush`); one file for each device; and one place
//! that escapes values, [`OptionString`]. [`QemuCommand`] puts them in a fixed order.
//!
//! Source for all of them: QEMU's documentation, "Invocation" (`qemu-system-x86_64.1`), version 6.2 to 10.

mod agent_port;
mod arguments;
mod boot;
mod command;
mod console;
mod cpu;
mod disk;
mod identity;
mod kernel_cmdline;
mod machine;
mod monitor;
mod network;
mod platform;
mod random;
mod sandbox;
mod seed;
mod string;
mod vsock;

#[cfg(test)]
mod command_tests;

pub(crate) use command::{QemuCommand, RunParameters};
pub(crate) use disk::{BlockFormat, OVERLAY};
pub(crate) use kernel_cmdline::TscRate;
pub(crate) use platform::{Arch, Platform};
pub(crate) use vsock::VsockDevice;
