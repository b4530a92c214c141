//! Facts about a guest.

use serde::{Deserialize, Serialize};

/// The guest as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// `PRETTY_NAME` of `/etc/os-release`.
    pub os: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// Host name.
    pub hostname: String,
    /// Processors the agent may use.
    pub cpus: u32,
    /// Model name of the first processor.
    pub cpu_model: String,
    /// Memory in bytes: the smaller of the machine's and the control group's.
    pub memory_bytes: u64,
    /// Memory available now, in bytes.
    pub memory_available_bytes: u64,
    /// Free space on the root file system, in bytes.
    pub disk_free_bytes: u64,
    /// Seconds since the guest's kernel started.
    pub uptime_seconds: u64,
    /// Seconds since the agent started.
    pub agent_uptime_seconds: u64,
    /// Set if the agent is the guest's first process.
    pub is_init: bool,
    /// The guest's clock, nanoseconds since the Unix epoch.
    pub clock: Clock,
    /// Mounted file systems that hold data (not `proc`, `sysfs` and the like).
    pub mounts: Vec<Mounted>,
    /// Installed packages, sorted by name; empty without a known package manager.
    pub packages: Vec<Package>,
    /// First line of `cc --version`; empty where there is no compiler.
    pub compiler: String,
}

/// A point in time: nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub unix_nanos: u64,
}

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounted {
    /// Its mount point.
    pub path: String,
    /// Its type, such as `ext4`.
    pub kind: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Free bytes.
    pub free_bytes: u64,
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, as the package manager prints it.
    pub version: String,
    /// Its architecture, such as `amd64` or `all`.
    pub arch: String,
}

/// The program that installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageManager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora.
    Dnf,
}
