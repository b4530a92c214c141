//! Machines under QEMU.

mod files;
mod machine;
mod options;

pub use machine::{Qemu, QemuError};
