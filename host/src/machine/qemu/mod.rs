//! Machines under QEMU.

mod machine;

pub use machine::{Qemu, QemuError, end_left_over};
