//! Machines under QEMU.

mod machine;

pub use machine::{Qemu, QemuError};
