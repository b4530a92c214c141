//! Machines under QEMU.
//!
//! [`options`] turns a machine's data into a command line, `launch` starts it and waits for its monitor, [`QemuMachine`] is the
//! running machine, and `leftover` handles machines that another vmbuild started. Nothing is signalled, reused or removed
//! without a proof that it belongs to the machine: a held lock, a process's start time, a uuid.

mod backend;
mod binary;
mod disk_size;
mod error;
mod files;
mod launch;
mod leftover;
mod machine;
pub(crate) mod options;
mod overlay;
mod qmp;
mod tsc;
mod vsock;

#[cfg(test)]
mod real_tests;
#[cfg(test)]
pub(crate) mod tiny_guest;

pub use crate::agent_parameters::AGENT_PORT;
pub use backend::{QemuBackend, QemuRecord};
pub use binary::on_path;
pub use binary::{OLDEST, QemuBinary, QemuVersion};
use disk_size::grow_disk;
pub use error::QemuError;
pub(super) use files::LOG;
pub use leftover::{QemuStatus, status};
use leftover::{end_leftover, resume};
pub use machine::QemuMachine;
pub use qmp::QmpError;
pub use vsock::VsockRecord;
