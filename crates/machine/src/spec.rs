//! A machine as data.

use crate::backend::BACKENDS;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

/// Everything that determines a machine. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSpec {
    /// Its name: the folder under `machines/`.
    pub name: MachineName,
    /// The image it was made from, such as `debian-12`, for display.
    pub image: String,
    /// Processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Its network.
    pub network: Network,
    /// Its lifetime.
    pub lifetime: Lifetime,
    /// The static agent binary.
    pub agent: PathBuf,
    /// The root file system it starts from, which also determines its backend.
    pub start: StartSource,
}

/// The root file system that a machine starts from, by backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backend", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StartSource {
    /// Namespaces over a directory tree.
    Sandbox {
        /// The tree.
        root: RootTree,
    },
    /// QEMU over a disk.
    Qemu {
        /// The accelerator, already known to work.
        accelerator: Accelerator,
        /// The disk and kernel.
        root: RootDisk,
    },
    /// Vagrant over a box.
    Vagrant {
        /// The box and its packages.
        source: VagrantBox,
    },
    /// Virtualization.framework over a disk.
    Vz {
        /// The disk and kernel.
        root: RootDisk,
    },
    /// QEMU over a publisher's cloud image, booting the system on it: once, to make a golden machine of it.
    FirstBoot {
        /// The accelerator.
        accelerator: Accelerator,
        /// The disk, and how it boots.
        system: FirstBootSystem,
    },
}

/// The box that Vagrant starts a machine from. Missing values are the Vagrantfile's choice, or Vagrant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VagrantBox {
    /// The box's name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its provider, such as `libvirt`.
    pub provider: Option<String>,
    /// libvirt's driver: `kvm` or `qemu`.
    pub driver: Option<String>,
    /// The packages it is provisioned with: the text of a `provision/packages/*.toml`.
    pub packages: String,
}

/// A read-only directory tree made of layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootTree {
    /// Absolute folders, uppermost first.
    pub layers: Vec<PathBuf>,
}

/// A read-only disk with the kernel and initramfs that boot it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootDisk {
    /// Raw ext4 image without partitions.
    pub disk: PathBuf,
    /// Kernel image.
    pub kernel: PathBuf,
    /// Initramfs whose `/init` is the agent.
    pub initramfs: PathBuf,
    /// Digest of the disk's contents, in hex: an overlay over another disk is refused.
    #[serde(default)]
    pub digest: String,
}

/// A cloud image's disk, and a seed disk that makes its system start the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstBootSystem {
    /// The disk, qcow2. It is never written to.
    pub disk: PathBuf,
    /// Its SHA-256 in hex, known from its verification.
    pub digest: String,
    /// The size the machine sees it with, in bytes: at least its own.
    pub bytes: u64,
    /// The second disk, raw and read-only.
    pub seed: PathBuf,
    /// How its kernel is started.
    pub boot: BootMethod,
}

/// How the kernel of a cloud image is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BootMethod {
    /// By QEMU itself: the fastest, and the only one that can pass kernel parameters.
    Kernel {
        /// Kernel image.
        kernel: PathBuf,
        /// Its initramfs.
        initrd: PathBuf,
        /// Kernel parameters, after the console's.
        #[serde(rename = "words")]
        cmdline: String,
    },
    /// By UEFI firmware and the disk's boot loader.
    Uefi {
        /// The firmware.
        code: PathBuf,
        /// The variables it starts with. The machine gets a copy.
        vars: PathBuf,
    },
    /// By QEMU's own BIOS and the disk's boot loader.
    Bios,
}

impl fmt::Display for BootMethod {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Kernel { .. } => "its own kernel",
            Self::Uefi { .. } => "UEFI",
            Self::Bios => "BIOS",
        })
    }
}

/// A machine's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Loopback only.
    None,
    /// Outgoing connections: the host's own network (sandbox) or user-mode NAT (QEMU).
    Outgoing,
}

/// Lifetime of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// Until the command that started it ends, however it ends.
    Job,
    /// Until `halt` or `destroy`.
    Named,
}

/// Name of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// QEMU system emulation.
    Qemu,
    /// Linux namespaces.
    Sandbox,
    /// Vagrant, with any provider.
    Vagrant,
    /// Apple's Virtualization.framework.
    Vz,
}

impl BackendKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Sandbox => "sandbox",
            Self::Vagrant => "vagrant",
            Self::Vz => "vz",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl FromStr for BackendKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let kinds: Vec<_> = BACKENDS.iter().map(|backend| backend.kind()).collect();
        UnknownName::find("backend", text, &kinds, Self::as_str)
    }
}

/// A name that is not in a list of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}` (expected {expected})")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    expected: String,
}

impl UnknownName {
    pub(crate) fn find<T: Copy>(
        what: &'static str,
        name: &str,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<T, Self> {
        let expected = || all.iter().copied().map(&as_str).collect::<Vec<_>>().join(", ");
        let found = all.iter().copied().find(|&one| as_str(one) == name);
        found.ok_or_else(|| Self { what, name: name.to_owned(), expected: expected() })
    }
}

/// Accelerator that executes a virtual machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    /// Linux's hypervisor.
    Kvm,
    /// macOS's hypervisor.
    Hvf,
    /// QEMU's own translation: works everywhere, about twelve times slower.
    Tcg,
}

impl Accelerator {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kvm, Self::Hvf, Self::Tcg];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Hvf => "hvf",
            Self::Tcg => "tcg",
        }
    }

    /// One line for `--help`.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Kvm => "Linux's hypervisor",
            Self::Hvf => "macOS's hypervisor",
            Self::Tcg => "QEMU's own translation: works everywhere, about twelve times slower",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl FromStr for Accelerator {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("accelerator", text, &Self::ALL, Self::as_str)
    }
}

/// A machine's name: 1 to 32 of `a-z 0-9 -`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineName(String);

/// Invalid machine name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid machine name `{0}` (expected 1 to 32 of a-z, 0-9 and `-`, starting with a letter or digit)")]
pub struct InvalidMachineName(String);

impl FromStr for MachineName {
    type Err = InvalidMachineName;

    fn from_str(text: &str) -> Result<Self, InvalidMachineName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = (1..=32).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-');
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidMachineName(text.to_owned())) }
    }
}

impl TryFrom<String> for MachineName {
    type Error = InvalidMachineName;

    fn try_from(text: String) -> Result<Self, InvalidMachineName> {
        text.parse()
    }
}

impl From<MachineName> for String {
    fn from(name: MachineName) -> Self {
        name.0
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl MachineName {
    /// A random name for a job machine: `job-` and eight hex digits.
    pub fn for_job() -> Self {
        let mut random = [0u8; 4];
        // The kernel's generator does not fail once the system has booted; if it did, zeros would stay, and the
        // machine folder is made exclusively, so equal names are noticed.
        let _ = getrandom::fill(&mut random);
        Self(format!("job-{}", hex::encode(random)))
    }
}

impl MachineSpec {
    /// The backend that runs it.
    pub fn backend(&self) -> BackendKind {
        match self.start {
            StartSource::Sandbox { .. } => BackendKind::Sandbox,
            StartSource::Vagrant { .. } => BackendKind::Vagrant,
            StartSource::Vz { .. } => BackendKind::Vz,
            StartSource::Qemu { .. } | StartSource::FirstBoot { .. } => BackendKind::Qemu,
        }
    }

    /// Files and folders of the image that the machine keeps using.
    pub fn base_files(&self) -> Vec<&Path> {
        self.backend().backend().base_files(&self.start)
    }

    /// Its accelerator, under QEMU.
    pub fn accelerator(&self) -> Option<Accelerator> {
        match self.start {
            StartSource::Qemu { accelerator, .. } | StartSource::FirstBoot { accelerator, .. } => Some(accelerator),
            _ => None,
        }
    }
}
