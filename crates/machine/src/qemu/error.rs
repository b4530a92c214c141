//! Errors of virtual machines.

use super::binary::{OLDEST, QemuVersion};
use super::options::Arch;
use super::qmp::QmpError;
use crate::MachineName;
use std::path::PathBuf;
use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::RunError;

/// Error of a virtual machine under QEMU.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// Its files.
    #[error("failed to prepare the virtual machine")]
    Io(#[from] std::io::Error),
    /// A program of QEMU's is not installed.
    #[error("no `{program}` on PATH")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// A program did not print a version of QEMU's.
    #[error("unexpected output of `{} --version`: {said:?}", program.display())]
    UnknownVersion {
        /// The program.
        program: PathBuf,
        /// Its output.
        said: String,
    },
    /// QEMU is older than the command line requires.
    #[error("`{}` is too old: version {version}, at least {OLDEST} is required", program.display())]
    TooOld {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: QemuVersion,
    },
    /// A helper program failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The machine has another backend.
    #[error("machine {0} does not run under QEMU")]
    OtherBackend(MachineName),
    /// It is already running.
    #[error("machine {0} is already running")]
    Running(MachineName),
    /// It is not running.
    #[error("machine {0} is not running")]
    NotRunning(MachineName),
    /// Its disk is an overlay over another base than the one it is to start from.
    #[error(
        "the disk of machine {machine} is an overlay over another version of `{}`, and cannot be used over `{}`",
        made_over.display(), base.display()
    )]
    OtherBase {
        /// The machine.
        machine: MachineName,
        /// The base of its disk.
        made_over: PathBuf,
        /// The base it is to start from.
        base: PathBuf,
    },
    /// QEMU exited before its monitor answered.
    #[error("QEMU {how} during startup{}", as_suffix(output))]
    EndedEarly {
        /// Such as `exited with 1`.
        how: String,
        /// QEMU's own output; may be empty.
        output: String,
    },
    /// QEMU runs, but its monitor did not answer.
    #[error("QEMU's monitor did not answer within {} s{}", limit.as_secs(), as_suffix(output))]
    MonitorTimeout {
        /// Time it had.
        limit: Duration,
        /// QEMU's own output; may be empty.
        output: String,
    },
    /// Its monitor failed.
    #[error(transparent)]
    Monitor(#[from] QmpError),
    /// A process or monitor is not proved to be the machine's. It was not touched.
    #[error("refusing to stop machine {machine}: {found}")]
    NotOurs {
        /// The machine.
        machine: MachineName,
        /// The reason.
        found: String,
    },
    /// A disk cannot become smaller.
    #[error("cannot shrink the disk of machine {machine} from {has} MiB to {asked} MiB")]
    Shrinking {
        /// The machine.
        machine: MachineName,
        /// Its size, in MiB.
        has: u64,
        /// The requested size, in MiB.
        asked: u64,
    },
    /// It did not exit in time.
    #[error("machine {machine} was still running after {} s", limit.as_secs())]
    StillRunning {
        /// The machine.
        machine: MachineName,
        /// Time it had.
        limit: Duration,
    },
    /// The command was interrupted.
    #[error("the start of the virtual machine was interrupted")]
    Cancelled,
}

impl Diagnose for QemuError {
    fn exit(&self) -> Exit {
        match self {
            Self::Cancelled => Exit::Interrupted,
            Self::Run(error) => error.exit(),
            Self::Shrinking { .. } => Exit::Usage,
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Missing { .. } | Self::TooOld { .. } => install_hint(),
            Self::Running(name) => format!("`vmbuild halt {name}` stops it"),
            Self::OtherBase { machine, .. } => {
                format!("`vmbuild destroy {machine}` deletes its disk; `vmbuild up` makes a new one")
            }
            Self::Run(error) => return error.hints(),
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

/// The command that installs QEMU.
fn install_hint() -> String {
    if cfg!(target_os = "macos") {
        return "`brew install qemu`".to_owned();
    }
    format!("on Debian and Ubuntu: `apt-get install {} qemu-utils`", Arch::of_host().debian_package())
}

/// For the end of a message: empty, or a colon and the output.
fn as_suffix(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(":\n{output}") }
}
