//! Why nothing was exported.

use super::{Compression, ExportFormat};
use crate::ImageError;
use std::path::PathBuf;
use vmbuild_archive::ReplaceError;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::RunError;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Its files.
    #[error("failed to write what is exported")]
    Io(#[from] std::io::Error),
    /// The golden machine, or a program over it.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The sandbox that packages are installed in.
    #[error(transparent)]
    Machine(Box<vmbuild_machine::MachineError>),
    /// Packages have to be installed, and nobody says from where.
    #[error("no package archive is known for {image}")]
    NoArchive {
        /// The image.
        image: String,
    },
    /// What Vagrant logs in with could not be set up.
    #[error("failed to set up the box's user and services{}", tail.as_suffix())]
    LogIn {
        /// The last lines of the script.
        tail: vmbuild_supervise::Tail,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is something under the output's name.
    #[error("{} exists", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// The folder the output would lie in is missing.
    #[error("the folder of {} does not exist", path.display())]
    NoFolder {
        /// The output.
        path: PathBuf,
    },
    /// What is under the output's name is not of the kind that would take its place.
    #[error("{} is not an OCI layout or a file: it is not replaced", path.display())]
    Foreign {
        /// The output.
        path: PathBuf,
    },
    /// What is under the output's name does not give way.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The format cannot be compressed like this.
    #[error("{} cannot be compressed with {}", format.word(), asked.word())]
    Compression {
        /// The format.
        format: ExportFormat,
        /// What was asked for.
        asked: Compression,
    },
    /// There is no boot loader for the host's processor.
    #[error("disks that boot are made on x86_64 only so far, and this is {arch}")]
    NoBootLoader {
        /// The architecture, as `uname -m` prints it.
        arch: &'static str,
    },
    /// A file of the host that goes into the export is missing.
    #[error("{} does not exist", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// A file of the boot loader is not laid out as expected.
    #[error("{what} is not laid out as expected")]
    BootLoader {
        /// Which.
        what: &'static str,
    },
    /// The disk's partition table.
    #[error("failed to write the partition table")]
    Partitions(#[source] gpt::GptError),
}

impl ExportError {
    /// An error of the sandbox, or of the session with the agent in it.
    pub(super) fn machine(error: impl Into<vmbuild_machine::MachineError>) -> Self {
        Self::Machine(Box::new(error.into()))
    }
}

impl Diagnose for ExportError {
    fn exit(&self) -> Exit {
        match self {
            Self::Exists { .. }
            | Self::Foreign { .. }
            | Self::NoFolder { .. }
            | Self::Compression { .. }
            | Self::Replace(ReplaceError::NotAFile { .. } | ReplaceError::Dangling(_)) => Exit::Usage,
            Self::Image(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Machine(error) => error.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Exists { .. } => vec!["`--force` replaces it".to_owned()],
            Self::NoFile { package, .. } => vec![format!("on Debian and Ubuntu: `apt install {package}`")],
            Self::NoBootLoader { .. } => vec!["`--format rootfs-tar` and `--format oci` work here".to_owned()],
            Self::Compression { format: ExportFormat::Raw, .. } => {
                vec!["`--format qcow2 --compress zstd` makes a small disk".to_owned()]
            }
            Self::Image(error) => error.hints(),
            Self::Run(error) => error.hints(),
            Self::Machine(error) => error.hints(),
            Self::NoArchive { .. } => vec!["VMBUILD_DEBIAN_ARCHIVE names one".to_owned()],
            _ => Vec::new(),
        }
    }
}
