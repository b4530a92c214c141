//! Why there is no golden machine.

use super::CloudError;
use super::lock::Change;
use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_machine::MachineError;
use vmbuild_machine::accelerator::AcceleratorError;
use vmbuild_machine::sandbox::NamespaceError;
use vmbuild_protocol::PackageTrouble;
use vmbuild_supervise::RunError;

/// Why there is no golden machine.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Its files.
    #[error("failed to prepare the image")]
    Io(#[from] std::io::Error),
    /// No image has this name.
    #[error("unknown image `{name}`: known are {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
        /// The most similar known name, if any is similar.
        nearest: Option<&'static str>,
    },
    /// The image is a publisher's disk: what its packages are from, its own configuration says.
    #[error("image `{name}` is made of its publisher's disk, not from an archive")]
    NoBootstrap {
        /// What was asked for.
        name: String,
    },
    /// A data file inside the program is wrong.
    #[error("the description `{file}` is wrong")]
    Description {
        /// The data file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: toml::de::Error,
    },
    /// A description in the store's `images.d` is called otherwise than it says.
    #[error("`{file}` describes an image of another name: `{name}`")]
    Misnamed {
        /// The file.
        file: String,
        /// The name in it.
        name: String,
    },
    /// The image names a list of packages that does not exist.
    #[error("image `{image}` names the package lists `{lists}`, which do not exist")]
    NoLists {
        /// The image.
        image: String,
        /// The lists' name.
        lists: String,
    },
    /// The image has no kernel for this machine's processor.
    #[error("image `{image}` has no kernel for {arch}")]
    Architecture {
        /// The image.
        image: String,
        /// The architecture, as `uname -m` prints it.
        arch: &'static str,
    },
    /// The host's apt knows no Debian archive.
    #[error("no Debian archive is known here: {reason}")]
    NoArchive {
        /// What was looked at.
        reason: String,
    },
    /// The override is not an archive's address.
    #[error("`{value}` in {variable} is not an http, https or file address")]
    BadArchive {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// An image's snapshot is not named after a time.
    #[error("`{stamp}` is not a snapshot: a time such as 20260705T000000Z is expected")]
    BadSnapshot {
        /// What the image says.
        stamp: String,
    },
    /// An image asks for a state of the archive, and nobody has said who keeps them.
    #[error("the image is made from the archive of {stamp}, and no place that keeps old archives is known here")]
    NoSnapshots {
        /// The time.
        stamp: String,
    },
    /// The archive's index cannot be used.
    #[error("the archive's index is not understood at `{paragraph}`")]
    Index {
        /// The first line of what is not understood.
        paragraph: String,
    },
    /// The archive did not give what it should, again and again.
    #[error("{}: {archive}", trouble.reason())]
    Archive {
        /// The archive.
        archive: String,
        /// What kind of failure it is.
        trouble: PackageTrouble,
        /// The last failed run.
        #[source]
        source: Box<Self>,
    },
    /// A lock names no kernel.
    #[error("the lock of `{image}` names no kernel")]
    NoKernel {
        /// The image.
        image: String,
    },
    /// There is no lock to keep to.
    #[error("image `{image}` has no lock for {arch}")]
    NoLock {
        /// The image.
        image: String,
        /// The architecture, as `uname -m` prints it.
        arch: &'static str,
    },
    /// What the lock names is not to be had.
    #[error("the packages of `{image}` are not those of its lock: {}", listed(changes))]
    Drift {
        /// The image.
        image: String,
        /// What differs.
        changes: Vec<Change>,
    },
    /// What was installed is not what was agreed on.
    #[error("what was installed is not what was resolved: {}", listed(changes))]
    Installed {
        /// What differs.
        changes: Vec<Change>,
    },
    /// A program of the host is missing.
    #[error("`{program}` is not installed")]
    NoTool {
        /// The program.
        program: &'static str,
        /// Debian's name for the package that has it.
        package: &'static str,
    },
    /// The archive's keyring is missing.
    #[error("the archive's keyring {} does not exist", path.display())]
    NoKeyring {
        /// Where it should be.
        path: PathBuf,
    },
    /// A path that a program is to be given is not UTF-8.
    #[error("{} is not valid UTF-8", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// The archive is not what its signature or its index promises.
    #[error("the archive {archive} could not be trusted")]
    Untrusted {
        /// The archive.
        archive: String,
        /// The failed run.
        #[source]
        source: Box<Self>,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A program of the host failed in its namespaces.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The machine that installs packages, or its agent, did not do it.
    #[error("failed to install packages")]
    Machine(#[from] MachineError),
    /// The kernel package is not laid out as expected.
    #[error("{} {problem}", path.display())]
    Kernel {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A module that the image wants is neither in the kernel nor in its package.
    #[error("the kernel has no module `{module}`")]
    NoModule {
        /// The module.
        module: String,
    },
    /// A sealed file of the store cannot be read.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// There is no cloud image.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// A publisher's image did not come to the agent on its first boot.
    #[error("the image's first boot waited for {waited_for} in vain{}", console(last_lines))]
    FirstBoot {
        /// What it was waiting for.
        waited_for: super::FirstBootPhase,
        /// The end of its console, a line each; empty where `source` has it.
        last_lines: String,
        /// What ended the wait.
        #[source]
        source: Box<MachineError>,
    },
    /// A publisher's disk refers to another file.
    #[error("{} is not a whole disk: it needs `{other}` beneath it", disk.display())]
    NotWhole {
        /// The disk.
        disk: PathBuf,
        /// What it refers to.
        other: String,
    },
    /// The guest could not send its root file system.
    #[error("the guest failed to send its root file system: {complaints}")]
    NotSent {
        /// What tar said.
        complaints: String,
    },
    /// The packages did not get into the guest.
    #[error("failed to send packages into the guest")]
    NotTaken {
        /// Why.
        source: vmbuild_guest::CopyError,
    },
    /// The image's kernel was not found, and the host has no firmware that could find it.
    #[error("the image's kernel was not found, and there is no UEFI firmware to boot it with")]
    NoFirmware,
    /// Nothing runs virtual machines here.
    #[error(transparent)]
    Accelerator(#[from] AcceleratorError),
    /// Nothing of the image is in the store.
    #[error("no golden machine of `{image}` is here")]
    NotHere {
        /// The image.
        image: String,
    },
    /// A golden machine that is to be deleted is needed.
    #[error("the golden machine of `{image}` is in use")]
    InUse {
        /// The image.
        image: String,
        /// The named machine that stands on it; none if another vmbuild works with it.
        by: Option<vmbuild_machine::MachineName>,
    },
    /// The caller's cancellation.
    #[error("preparing the image was interrupted")]
    Cancelled,
}

impl Diagnose for ImageError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. }
            | Self::Misnamed { .. }
            | Self::NoBootstrap { .. }
            | Self::BadArchive { .. }
            | Self::BadSnapshot { .. }
            | Self::NoLock { .. }
            | Self::NotHere { .. }
            | Self::InUse { .. } => Exit::Usage,
            Self::Untrusted { .. }
            | Self::Drift { .. }
            | Self::Installed { .. }
            | Self::Archive { trouble: PackageTrouble::Mismatch, .. } => Exit::Integrity,
            Self::Cancelled => Exit::Interrupted,
            Self::Cloud(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Namespace(error) => error.exit(),
            Self::Machine(error) => error.exit(),
            Self::FirstBoot { source, .. } => source.exit(),
            Self::NotTaken { source } => source.exit(),
            Self::Accelerator(error) => error.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => vec![format!("did you mean `{nearest}`?")],
            Self::NoArchive { .. } | Self::BadArchive { .. } => vec![
                "VMBUILD_DEBIAN_ARCHIVE names a Debian archive: the folder that holds `dists` and `pool`".to_owned(),
                "on a Debian host, `apt-get update` lets apt say which archive it uses".to_owned(),
            ],
            Self::NoSnapshots { .. } => {
                vec!["VMBUILD_DEBIAN_SNAPSHOTS names the folder that holds one archive for each time".to_owned()]
            }
            Self::Untrusted { .. } => vec!["use another mirror: VMBUILD_DEBIAN_ARCHIVE names one".to_owned()],
            Self::Archive { trouble, .. } => vec![archive_hint(*trouble).to_owned()],
            Self::NoLock { image, .. } | Self::Drift { image, .. } => vec![
                format!("`vmbuild image build {image} --update-lock` writes a lock of what the archive has now"),
                "without --locked a difference is a warning".to_owned(),
            ],
            Self::NoTool { package, .. } => vec![format!("on Debian and Ubuntu: `apt install {package}`")],
            Self::NoKeyring { .. } => vec!["on Debian and Ubuntu: `apt install debian-archive-keyring`".to_owned()],
            Self::NotText { .. } => vec!["set VMBUILD_HOME to a folder with a plain name".to_owned()],
            Self::Damaged { path, .. } => vec![format!("delete {} to have it made again", parent(path))],
            Self::Cloud(error) => error.hints(),
            Self::NotHere { image } => vec![format!("`vmbuild image build {image}` makes it")],
            Self::InUse { by: Some(name), .. } => vec![format!("`vmbuild destroy --name {name}` removes the machine")],
            Self::InUse { by: None, .. } => vec!["try again when the other vmbuild has ended".to_owned()],
            Self::Run(error) => error.hints(),
            Self::Namespace(error) => error.hints(),
            Self::Machine(error) => error.hints(),
            Self::FirstBoot { source, .. } => source.hints(),
            Self::Accelerator(error) => error.hints(),
            Self::NoFirmware => vec![super::first_boot::FIRMWARE_HINT.to_owned()],
            _ => Vec::new(),
        }
    }
}

fn console(last_lines: &str) -> String {
    if last_lines.is_empty() { String::new() } else { format!("; the console's last lines:{last_lines}") }
}

fn archive_hint(trouble: PackageTrouble) -> &'static str {
    match trouble {
        PackageTrouble::Mismatch => {
            "a mirror in the middle of an update mends itself; a proxy that changes files does not"
        }
        PackageTrouble::Gone => "the archive has moved on: try again, or use another mirror (VMBUILD_DEBIAN_ARCHIVE)",
        PackageTrouble::Locked => "wait for the other package manager, or see with `ps` what it is at",
        _ => "is the network up? VMBUILD_DEBIAN_ARCHIVE names another mirror, http_proxy a proxy",
    }
}

fn listed(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn parent(path: &std::path::Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
