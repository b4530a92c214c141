//! Why a virtual machine does not run.

use super::binary::{OLDEST, QemuVersion};
use super::options::Arch;
use super::qmp::QmpError;
use crate::MachineName;
use std::path::PathBuf;
use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::RunError;

/// Why a virtual machine does not run.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// Its files.
    #[error("failed to prepare the virtual machine")]
    Io(#[from] std::io::Error),
    /// A program of QEMU's is not installed.
    #[error("no `{program}` on PATH")]
    Missing {
        /// Which.
        program: &'static str,
    },
    /// A program that says something else than its version.
    #[error("`{} --version` is not QEMU's: {said:?}", program.display())]
    UnknownVersion {
        /// Which.
        program: PathBuf,
        /// What it said.
        said: String,
    },
    /// A QEMU that our command line is not written for.
    #[error("`{}` is version {version}, and {OLDEST} is the oldest that will do", program.display())]
    TooOld {
        /// Which.
        program: PathBuf,
        /// How old.
        version: QemuVersion,
    },
    /// A helper program failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The spec names another backend.
    #[error("machine `{0}` is not made for QEMU")]
    OtherBackend(MachineName),
    /// It runs already.
    #[error("machine `{0}` is running already")]
    Running(MachineName),
    /// It is not running.
    #[error("machine `{0}` is not running")]
    NotRunning(MachineName),
    /// Its disk lies over another base than the one it is to start from.
    #[error(
        "the disk of machine `{machine}` was made over `{}` as it was then, not over `{}` as it is now",
        made_over.display(), base.display()
    )]
    OtherBase {
        /// The machine.
        machine: MachineName,
        /// What its disk was made over.
        made_over: PathBuf,
        /// What it is to start from.
        base: PathBuf,
    },
    /// QEMU ended before its monitor answered.
    #[error("QEMU {how} at its start{}", as_suffix(output))]
    EndedEarly {
        /// Such as `exited with 1`.
        how: String,
        /// QEMU's own output; may be empty.
        output: String,
    },
    /// QEMU runs, but its monitor did not answer.
    #[error("QEMU's monitor did not answer within {} s{}", limit.as_secs(), as_suffix(output))]
    MonitorTimeout {
        /// How long it had.
        limit: Duration,
        /// QEMU's own output; may be empty.
        output: String,
    },
    /// Its monitor failed.
    #[error(transparent)]
    Monitor(#[from] QmpError),
    /// A process or monitor that is not proved to be the machine's. It was not touched.
    #[error("machine `{machine}`: {found}, so nothing was ended")]
    NotOurs {
        /// The machine.
        machine: MachineName,
        /// What was found.
        found: String,
    },
    /// A disk was to become smaller.
    #[error("the disk of machine `{machine}` has {has} MiB already: {asked} MiB would cut off its end")]
    Shrinking {
        /// The machine.
        machine: MachineName,
        /// What it has, in MiB.
        has: u64,
        /// What was asked for, in MiB.
        asked: u64,
    },
    /// It did not end in time.
    #[error("machine `{machine}` was still running after {} s", limit.as_secs())]
    StillRunning {
        /// The machine.
        machine: MachineName,
        /// How long it had.
        limit: Duration,
    },
    /// The caller's cancellation ended the start.
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
            Self::Running(name) => format!("`vmbuild halt {name}` ends it"),
            Self::OtherBase { machine, .. } => {
                format!("`vmbuild destroy {machine}` drops its disk; `vmbuild up` makes a new one")
            }
            Self::Run(error) => return error.hints(),
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

/// How to get QEMU.
fn install_hint() -> String {
    if cfg!(target_os = "macos") {
        return "`brew install qemu`".to_owned();
    }
    format!("on Debian and Ubuntu: `apt-get install {} qemu-utils`", Arch::of_host().debian_package())
}

/// For the end of a message: empty, or a colon and what was said.
fn as_suffix(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(":\n{output}") }
}
