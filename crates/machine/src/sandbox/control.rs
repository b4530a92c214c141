//! The protocol between vmbuild and the processes that set namespaces up: lines of JSON over a socket.

use super::NamespaceCommand;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

/// The hidden first argument that makes this program the outer helper. The second is the socket's number.
pub(super) const MARKER: &str = "__sandbox-outer";

/// The line that tells the helper that its id maps are written.
pub(super) const GO: &str = "\"go\"";

/// Order to the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HelperOrder {
    /// The program and its namespaces.
    pub(super) enter: NamespaceCommand,
    /// It dies with the process that started it.
    pub(super) bound: bool,
    /// Numbers of inherited descriptors the outer process holds until the end.
    pub(super) kept: Vec<i32>,
}

/// Report of the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HelperReport {
    /// The namespaces exist and want their id maps.
    Ready,
    /// All is set up; the program itself comes next.
    Started,
    /// It cannot be done.
    Refused(HelperRefusal),
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HelperRefusal {
    /// Which.
    pub(super) step: HelperStep,
    /// The path or program it was about; may be empty.
    pub(super) what: String,
    /// The system's error number; 0 where it had none.
    pub(super) errno: i32,
}

impl HelperRefusal {
    /// Makes one from the system's error.
    #[cfg(target_os = "linux")]
    pub(super) fn new(step: HelperStep, what: impl Into<String>, error: &io::Error) -> Self {
        Self { step, what: what.into(), errno: error.raw_os_error().unwrap_or(0) }
    }

    /// The system's error.
    pub(super) fn source(&self) -> io::Error {
        match self.errno {
            0 => io::Error::other("the system gave no reason"),
            number => io::Error::from_raw_os_error(number),
        }
    }
}

/// Step of the helper's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HelperStep {
    /// Reading its order.
    Order,
    /// Making the namespaces.
    Unshare,
    /// Becoming root in them.
    Identity,
    /// Starting their first process.
    Fork,
    /// Cutting mounts off from the host's.
    Propagation,
    /// Stacking the layers.
    Overlay,
    /// Swapping the root.
    Pivot,
    /// Mounting proc.
    Proc,
    /// Mounting something else.
    Mount,
    /// Making a host path visible.
    Bind,
    /// Naming the machine.
    Hostname,
    /// Bringing loopback up.
    Loopback,
    /// Giving up a capability.
    Capability,
    /// Entering the working directory.
    Chdir,
    /// Starting the program.
    Exec,
}

impl fmt::Display for HelperStep {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Order => "read the order",
            Self::Unshare => "make namespaces",
            Self::Identity => "become the namespace's root",
            Self::Fork => "start the first process",
            Self::Propagation => "separate its mounts from the host's",
            Self::Overlay => "stack the layers of its root",
            Self::Pivot => "change to its root",
            Self::Proc | Self::Mount => "mount",
            Self::Bind => "make a host path visible",
            Self::Hostname => "set its host name",
            Self::Loopback => "bring its loopback up",
            Self::Capability => "drop a capability",
            Self::Chdir => "enter the working directory",
            Self::Exec => "start",
        })
    }
}
