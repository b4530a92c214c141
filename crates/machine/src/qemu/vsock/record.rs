//! What a machine's record says about its vsock.

use crate::ProcessIdentity;
use serde::{Deserialize, Serialize};

/// Which vsock a machine was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum VsockRecord {
    /// The kernel's.
    Kernel {
        /// The machine's number.
        cid: u32,
    },
    /// A process beside QEMU.
    VhostUser {
        /// That process.
        device: ProcessIdentity,
    },
    /// None.
    None {
        /// Why not, for people.
        why: String,
    },
}
