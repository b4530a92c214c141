//! Whether a machine has room on this host: disk for what it will write, memory for what it was promised.
//!
//! A disk that fills up in the middle of a job costs the job; a look before it costs nothing.

use super::spec::{MachineName, MachineSpec};
use std::io;
use std::path::{Path, PathBuf};
use sysinfo::{MemoryRefreshKind, System};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Diagnose, Exit};

/// Below this nothing is started, in bytes.
const LEAST_DISK: u64 = 500_000_000;
/// Below this the user is warned, in bytes: a PGO build and its artifact take about this much.
const USUAL_DISK: u64 = 4_000_000_000;

/// Below this the user is warned, in MiB: a compiler that optimises all of libpython at once takes more at one go.
const SCARCE_MEMORY: u64 = 256;

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The disk is as good as full.
    #[error("only {} MB are free in {}, and a machine needs at least {} MB", free / 1_000_000, folder.display(), LEAST_DISK / 1_000_000)]
    Disk {
        /// Bytes there are.
        free: u64,
        /// Where.
        folder: PathBuf,
    },
    /// The disk was full, and the machine waits since.
    #[error(
        "machine {name} is paused because the host's disk is full: {} MB are free, and it goes on with {} MB",
        free / 1_000_000,
        needed / 1_000_000
    )]
    Paused {
        /// The machine.
        name: MachineName,
        /// Bytes there are.
        free: u64,
        /// Bytes it waits for.
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
                format!("free some space, and the next command for {name} lets it go on; nothing in it is lost")
            }
        }]
    }
}

/// Refuses a start that cannot end well, and warns of one that may not.
pub(super) fn check(spec: &MachineSpec, machines: &Path, events: &Events) -> Result<(), RoomError> {
    // A file system that does not tell is no reason not to start.
    if let Ok(free) = free_disk(machines)
        && let Some(warning) = judge_disk(free, machines)?
    {
        events.warn(Part::Machine, warning);
    }
    if spec.backend().backend().features().own_memory
        && let Some(warning) = free_memory().and_then(|free| judge_memory(free, spec.memory_mib))
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

fn judge_disk(free: u64, folder: &Path) -> Result<Option<String>, RoomError> {
    match free {
        ..LEAST_DISK => Err(RoomError::Disk { free, folder: folder.to_owned() }),
        LEAST_DISK..USUAL_DISK => Ok(Some(format!(
            "{:.1} GB are free in {}: a build may need {} GB",
            free as f64 / 1e9,
            folder.display(),
            USUAL_DISK / 1_000_000_000
        ))),
        USUAL_DISK.. => Ok(None),
    }
}

fn judge_memory(free_mib: u64, wanted_mib: u64) -> Option<String> {
    let text = format!("{free_mib} MiB of memory are available, and the machine may take {wanted_mib}: see --memory");
    (free_mib < wanted_mib).then_some(text)
}

/// A host's memory over time: whether people know that there is hardly any left.
#[derive(Debug, Default)]
pub(super) struct Scarcity {
    told: bool,
}

impl Scarcity {
    /// What to tell of so many MiB that are left: once, and again only after there was twice as much.
    pub(super) fn look(&mut self, free_mib: u64) -> Option<String> {
        if free_mib >= 2 * SCARCE_MEMORY {
            self.told = false;
        }
        if free_mib >= SCARCE_MEMORY || std::mem::replace(&mut self.told, true) {
            return None;
        }
        Some(format!("this host has {free_mib} MiB of memory left: its kernel may end the machine; end something else"))
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
    use super::{Scarcity, free_disk, judge_disk, judge_memory};
    use std::path::Path;

    fn check(free: u64, expect: &str) {
        let said = match judge_disk(free, Path::new("/store")) {
            Ok(warning) => warning.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expect);
    }

    #[test]
    fn a_full_disk_is_refused_and_a_narrow_one_warned_of() {
        check(12_000_000, "only 12 MB are free in /store, and a machine needs at least 500 MB");
        check(500_000_000, "0.5 GB are free in /store: a build may need 4 GB");
        check(4_000_000_000, "");
    }

    #[test]
    fn memory_that_is_promised_twice_is_warned_of() {
        assert_eq!(judge_memory(4096, 4096), None);
        let warning = judge_memory(900, 4096).expect("too little");
        assert!(warning.starts_with("900 MiB of memory are available"), "{warning}");
    }

    #[test]
    fn memory_that_runs_out_is_told_of_once_each_time() {
        let mut scarcity = Scarcity::default();
        let told: Vec<bool> = [900, 255, 40, 300, 200, 512, 100, 90].map(|free| scarcity.look(free).is_some()).to_vec();
        assert_eq!(told, [false, true, false, false, false, false, true, false]);
    }

    #[test]
    fn this_host_tells() {
        assert!(free_disk(Path::new("/")).expect("it tells") > 0);
        assert!(free_disk(Path::new("/nowhere")).is_err());
    }
}
