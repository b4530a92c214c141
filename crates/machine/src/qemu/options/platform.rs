//! The host's architecture and operating system, which the command line depends on.

/// The instruction set of host and guest: guests always have their host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    /// This program's own.
    pub(crate) fn of_host() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 }
    }

    /// The name of QEMU's program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86_64",
            Self::Aarch64 => "qemu-system-aarch64",
        }
    }

    /// The Debian package with QEMU's program.
    pub(crate) fn debian_package(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86",
            Self::Aarch64 => "qemu-system-arm",
        }
    }
}

/// Architecture and operating system of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) arch: Arch,
    pub(crate) host: HostOs,
}

impl Platform {
    /// This host's.
    pub(crate) fn current() -> Self {
        Self { arch: Arch::of_host(), host: HostOs::current() }
    }
}

/// The operating system QEMU runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostOs {
    Linux,
    MacOs,
}

impl HostOs {
    /// This program's own.
    pub(crate) fn current() -> Self {
        if cfg!(target_os = "macos") { Self::MacOs } else { Self::Linux }
    }
}
