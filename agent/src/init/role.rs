//! In which of three situations the agent was started.

use std::path::Path;
use std::sync::OnceLock;

/// `RAMFS_MAGIC` of `linux/magic.h`.
const RAMFS: u64 = 0x8584_58f6;
/// `TMPFS_MAGIC` of `linux/magic.h`.
const TMPFS: u64 = 0x0102_1994;

static DETECTED: OnceLock<AgentRole> = OnceLock::new();

/// The agent's role in its guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgentRole {
    /// One process among others.
    Ordinary,
    /// Process 1 of a PID namespace.
    Sandbox,
    /// Process 1 of a kernel, in its initramfs.
    Kernel,
}

impl AgentRole {
    /// Finds out, the first time it is called; after that the answer stays, whatever becomes of `/`.
    pub fn detect() -> Self {
        *DETECTED.get_or_init(|| Self::of(rustix::process::getpid().is_init(), root_in_memory(), proc_mounted()))
    }

    /// Returns whether the agent is process 1.
    pub fn is_init(self) -> bool {
        self != Self::Ordinary
    }

    /// A sandbox on a tmpfs has `/proc`, since its host has made its mounts; an initramfs starts without.
    fn of(first: bool, root_in_memory: bool, proc_mounted: bool) -> Self {
        match (first, root_in_memory && !proc_mounted) {
            (false, _) => Self::Ordinary,
            (true, false) => Self::Sandbox,
            (true, true) => Self::Kernel,
        }
    }
}

fn root_in_memory() -> bool {
    let kind = rustix::fs::statfs("/").map(|stat| u64::try_from(stat.f_type).unwrap_or(0));
    matches!(kind, Ok(RAMFS | TMPFS))
}

fn proc_mounted() -> bool {
    Path::new("/proc/self").exists()
}

#[cfg(test)]
mod tests {
    use super::AgentRole;

    #[test]
    fn only_a_first_process_in_a_bare_initramfs_is_under_a_kernel() {
        let cases = [
            ((false, false, true), AgentRole::Ordinary),
            ((false, true, false), AgentRole::Ordinary),
            ((true, false, true), AgentRole::Sandbox),
            ((true, true, true), AgentRole::Sandbox),
            ((true, false, false), AgentRole::Sandbox),
            ((true, true, false), AgentRole::Kernel),
        ];
        for ((first, memory, proc), expect) in cases {
            assert_eq!(AgentRole::of(first, memory, proc), expect, "{first} {memory} {proc}");
        }
    }

    #[test]
    fn a_test_is_an_ordinary_process() {
        assert_eq!(AgentRole::detect(), AgentRole::Ordinary);
    }
}
