//! A machine's folder: its record, its locks, and proof that a process is its own.
//!
//! ```text
//! machines/<name>/
//!   machine.json   MachineRecord, written when it has started
//!   owner.lock     held by the vmbuild that runs a job machine: free means the job's vmbuild is gone
//!   alive.lock     held (inherited descriptor) by the machine's own process: free means it is not running
//!   agent.sock     the agent, or QEMU's end of its virtio-serial port
//!   qmp.sock       QEMU's monitor; serial.log its console; overlay.qcow2 its disk; upper/ work/ the sandbox's
//! ```

use super::spec::{MachineName, MachineSpec};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is known about a started machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRecord {
    /// Version of this file's format.
    pub schema: u32,
    /// What it was made of.
    pub spec: MachineSpec,
    /// Its process (sandbox: the outer one; QEMU: QEMU).
    pub process: ProcessIdentity,
    /// QEMU's uuid for it, where QEMU runs it.
    pub uuid: Option<String>,
    /// Seconds since the Unix epoch when it was started.
    pub started_unix: u64,
}

/// A process, in a way that survives reuse of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// When the kernel started it, in clock ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub start_ticks: u64,
}

/// The folder of one machine.
#[derive(Debug, Clone)]
pub struct MachineFolder {
    name: MachineName,
    path: PathBuf,
}

impl MachineFolder {
    /// The folder for `name` under `machines`, which need not exist.
    pub fn new(machines: &Path, name: MachineName) -> Self {
        Self { path: machines.join(name.to_string()), name }
    }

    /// The machine's name.
    pub fn name(&self) -> &MachineName {
        &self.name
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}
