//! Errors of exports.

use super::{Compression, ExportFormat};
use crate::ImageError;
use std::path::PathBuf;
use vmbuild_archive::ReplaceError;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::RunError;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Its files.
    #[error("failed to write the export")]
    Io(#[from] std::io::Error),
    /// The golden machine, or a program over it.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The sandbox that packages are installed in.
    #[error(transparent)]
    Machine(Box<vmbuild_machine::MachineError>),
    /// Packages must be installed, and no archive is known.
    #[error("no package archive is known for {image}")]
    NoArchive {
        /// The image.
        image: String,
    },
    /// The box's user and services could not be set up.
    #[error("failed to set up the box's user and services{}", tail.as_suffix())]
    LogIn {
        /// The last lines of the script.
        tail: vmbuild_supervise::Tail,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The output exists.
    #[error("{} already exists", path.display())]
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
    /// The existing output is neither a file nor an OCI layout.
    #[error("refusing to replace {}: neither a file nor an OCI layout", path.display())]
    Foreign {
        /// The output.
        path: PathBuf,
    },
    /// The existing output cannot be replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The format cannot be compressed like this.
    #[error("{} does not support compression with {}", format.as_str(), asked.as_str())]
    Compression {
        /// The format.
        format: ExportFormat,
        /// The requested compression.
        asked: Compression,
    },
    /// There is no boot loader for the host's processor.
    #[error("disks that boot are only supported on x86_64, not on {arch}")]
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
        /// The file.
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
            Self::NoArchive { .. } => vec!["set VMBUILD_DEBIAN_ARCHIVE to the address of one".to_owned()],
            _ => Vec::new(),
        }
    }
}
