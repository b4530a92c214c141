//! Abilities and needs of a backend, as data.

use std::fmt;

/// Abilities and needs of a backend that other code depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Root file system that its machines start from.
    pub root: RootKind,
    /// `up --disk` makes a machine's disk larger.
    pub grow_disk: FeatureSupport,
    /// `--accel` selects what executes the guest's instructions.
    pub accelerator: FeatureSupport,
    /// Source of emulated processors.
    pub emulation: Emulation,
    /// A machine is paused when its disk cannot be written, and can be resumed.
    pub pausable: bool,
    /// The guest keeps a clock of its own, which has to be set.
    pub own_clock: bool,
    /// The guest's memory is set aside on the host, for this machine alone.
    pub own_memory: bool,
    /// Its machines have a network even when none is asked for.
    pub needs_network: bool,
    /// The agent is reached over SSH, which takes seconds on an emulated processor.
    pub over_ssh: bool,
    /// Removing a running machine is safe, and faster than stopping it first.
    pub removal_stops: bool,
    /// Place in the automatic choice.
    pub auto: AutoRank,
}

/// Kind of root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// A directory tree.
    Tree,
    /// A disk with kernel and initramfs.
    Disk,
    /// A Vagrant box.
    Box,
}

impl fmt::Display for RootKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Tree => "a directory tree",
            Self::Disk => "a disk",
            Self::Box => "a Vagrant box",
        })
    }
}

/// Support for something that people may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureSupport {
    /// Supported.
    Supported,
    /// Not supported.
    Unsupported {
        /// The reason, as a fragment.
        reason: &'static str,
        /// A suggestion.
        hint: &'static str,
    },
}

/// Source of emulated processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emulation {
    /// Processors are never emulated.
    Never,
    /// The accelerator decides.
    ByAccelerator,
    /// The provider's settings decide.
    ByProvider,
}

/// Place of a backend in the automatic choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoRank {
    /// First with a hypervisor that works, and again, with translation, after the native backends.
    Accelerated,
    /// Without a hypervisor that works: runs at the host's own speed.
    Native,
    /// When no other backend works.
    LastResort,
    /// A trial: never chosen, and not listed in `--help`.
    Trial,
}
