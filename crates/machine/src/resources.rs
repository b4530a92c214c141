//! Checks that this host has enough resources for a machine: disk space for its writes, memory for the guest.
//!
//! A disk that fills up in the middle of a job costs the job; a check before it costs nothing.

use super::spec::{MachineName, MachineSpec};
use std::io;
use std::path::{Path, PathBuf};
use sysinfo::{MemoryRefreshKind, System};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Diagnose, Exit};

/// Free disk space below which nothing is started, in bytes.
const LEAST_DISK: u64 = 500_000_000;
/// Free disk space below which the user is warned, in bytes: a PGO build and its artifact take about this much.
const USUAL_DISK: u64 = 4_000_000_000;

/// Available memory below which the user is warned, in MiB: a compiler that optimises all of libpython takes more in one
/// step.
const SCARCE_MEMORY: u64 = 256;

/// Error of a host that lacks a resource.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The disk is nearly full.
    #[error("not enough disk space in {}: {} MB free, {} MB required", folder.display(), free / 1_000_000, LEAST_DISK / 1_000_000)]
    Disk {
        /// Free bytes.
        free: u64,
        /// The folder.
        folder: PathBuf,
    },
    /// The machine was paused when the disk was full.
    #[error(
        "machine {name} is paused because the host's disk is full: {} MB free, {} MB required to resume",
        free / 1_000_000,
        needed / 1_000_000
    )]
    Paused {
        /// The machine.
        name: MachineName,
        /// Free bytes.
        free: u64,
        /// Bytes required to resume.
        needed: u64,
    },
}

impl Diagnose for RoomError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Disk { .. } => "`vmbuild clean` frees space; VMBUILD_HOME moves the store to another disk".to_owned(),
            Self::Paused { name, .. } => {
                format!("free some space: the next command for {name} resumes it, and nothing in it is lost")
            }
        }]
    }
}

/// Refuses a start that is bound to fail, and warns of one that may.
pub(super) fn check(spec: &MachineSpec, machines: &Path, events: &Events) -> Result<(), RoomError> {
    // A file system without this information is no reason to refuse.
    if let Ok(free) = free_disk(machines)
        && let Some(warning) = check_disk(free, machines)?
    {
        events.warn(Part::Machine, warning);
    }
    if spec.backend().backend().features().own_memory
        && let Some(warning) = free_memory().and_then(|free| check_memory(free, spec.memory_mib))
    {
        events.warn(Part::Machine, warning);
    }
    Ok(())
}

/// Bytes this user can still write in a folder's file system.
pub(super) fn free_disk(folder: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn check_disk(free: u64, folder: &Path) -> Result<Option<String>, RoomError> {
    match free {
        ..LEAST_DISK => Err(RoomError::Disk { free, folder: folder.to_owned() }),
        LEAST_DISK..USUAL_DISK => Ok(Some(format!(
            "low disk space in {}: {:.1} GB free, a build may need {} GB",
            folder.display(),
            free as f64 / 1e9,
            USUAL_DISK / 1_000_000_000
        ))),
        USUAL_DISK.. => Ok(None),
    }
}

fn check_memory(free_mib: u64, wanted_mib: u64) -> Option<String> {
    let text = format!("low memory: {free_mib} MiB available, the machine may use {wanted_mib} MiB (see `--memory`)");
    (free_mib < wanted_mib).then_some(text)
}

/// Warns of memory that runs out, once each time.
#[derive(Debug, Default)]
pub(super) struct LowMemoryWarning {
    issued: bool,
}

impl LowMemoryWarning {
    /// The warning for this much available memory: once, and again only after there was twice as much.
    pub(super) fn update(&mut self, free_mib: u64) -> Option<String> {
        if free_mib >= 2 * SCARCE_MEMORY {
            self.issued = false;
        }
        if free_mib >= SCARCE_MEMORY || std::mem::replace(&mut self.issued, true) {
            return None;
        }
        Some(format!("low memory: {free_mib} MiB available on this host; the kernel may kill the machine"))
    }
}

/// Memory in MiB that is available without swapping, if the system tells.
pub(super) fn free_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    (system.total_memory() > 0).then(|| system.available_memory() >> 20)
}

#[cfg(test)]
mod tests {
    use super::{LowMemoryWarning, check_disk, check_memory, free_disk};
    use std::path::Path;

    fn check_message(free: u64, expect: &str) {
        let said = match check_disk(free, Path::new("/store")) {
            Ok(warning) => warning.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expect);
    }

    #[test]
    fn a_full_disk_is_refused_and_a_narrow_one_warned_of() {
        check_message(12_000_000, "not enough disk space in /store: 12 MB free, 500 MB required");
        check_message(500_000_000, "low disk space in /store: 0.5 GB free, a build may need 4 GB");
        check_message(4_000_000_000, "");
    }

    #[test]
    fn memory_that_is_promised_twice_is_warned_of() {
        assert_eq!(check_memory(4096, 4096), None);
        let warning = check_memory(900, 4096).expect("too little");
        assert!(warning.starts_with("low memory: 900 MiB available"), "{warning}");
    }

    #[test]
    fn memory_that_runs_out_is_told_of_once_each_time() {
        let mut low_memory = LowMemoryWarning::default();
        let told: Vec<bool> =
            [900, 255, 40, 300, 200, 512, 100, 90].map(|free| low_memory.update(free).is_some()).to_vec();
        assert_eq!(told, [false, true, false, false, false, false, true, false]);
    }

    #[test]
    fn this_host_tells() {
        assert!(free_disk(Path::new("/")).expect("it tells") > 0);
        assert!(free_disk(Path::new("/nowhere")).is_err());
    }
}
