//! Errors of Vagrant.

use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::{RunError, Tail};

/// Error of a `vagrant` command.
#[derive(Debug, thiserror::Error)]
pub enum VagrantError {
    /// It is not installed.
    #[error("no `vagrant` on PATH")]
    Missing,
    /// It failed with a reason.
    #[error("`vagrant {verb}` failed: {message}{}", output.as_suffix())]
    Refused {
        /// The command.
        verb: &'static str,
        /// Vagrant's error class, such as `Vagrant::Errors::BoxNotFound`.
        class: String,
        /// Vagrant's message.
        message: String,
        /// The last lines of output, if the message refers to them.
        output: Tail,
    },
    /// It failed without a machine-readable reason.
    #[error("`vagrant {verb}` failed{}", tail.as_suffix())]
    Failed {
        /// The command.
        verb: &'static str,
        /// The last lines of output.
        tail: Tail,
    },
    /// It took too long.
    #[error("`vagrant {verb}` was still running after {} s", limit.as_secs())]
    TimedOut {
        /// The command.
        verb: &'static str,
        /// Time it had.
        limit: Duration,
    },
    /// The command was interrupted.
    #[error("`vagrant {verb}` was interrupted")]
    Cancelled {
        /// The command.
        verb: &'static str,
    },
    /// `vagrant ssh-config` is incomplete.
    #[error("no `{0}` in the output of `vagrant ssh-config`")]
    SshConfig(&'static str),
    /// The machine has another backend.
    #[error("machine {0} does not run under Vagrant")]
    OtherBackend(String),
    /// It does not run.
    #[error("machine {0} is not running")]
    NotRunning(String),
    /// Its files.
    #[error("failed to prepare the machine's Vagrantfile")]
    Io(#[from] std::io::Error),
}

impl VagrantError {
    pub(super) fn of_run(verb: &'static str, error: RunError) -> Self {
        match error {
            RunError::NotStarted { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Self::Missing,
            RunError::Failed { tail, .. } => Self::Failed { verb, tail },
            RunError::TimedOut { limit, .. } => Self::TimedOut { verb, limit },
            RunError::Cancelled { .. } => Self::Cancelled { verb },
            RunError::NotStarted { source, .. } | RunError::Pipe { source, .. } => Self::Io(source),
        }
    }
}

impl Diagnose for VagrantError {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused { class, .. } => exit_of(class),
            Self::NotRunning(_) => Exit::Usage,
            Self::Cancelled { .. } => Exit::Interrupted,
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Missing => "on Debian and Ubuntu: `apt install vagrant vagrant-libvirt`".to_owned(),
            Self::Refused { class, .. } => return hint_of(class).map(str::to_owned).into_iter().collect(),
            Self::NotRunning(name) => format!("`vmbuild up {name}` starts it"),
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

/// The last component of a class, such as `BoxNotFound`: plugins have modules of their own.
fn class_name(class: &str) -> &str {
    class.rsplit("::").next().unwrap_or(class)
}

fn exit_of(class: &str) -> Exit {
    match class_name(class) {
        "BoxChecksumMismatch" => Exit::Integrity,
        "ProviderNotFound" | "BoxVersionInvalid" => Exit::Usage,
        _ => Exit::Environment,
    }
}

/// A suggestion, where Vagrant's own message has none or one that does not apply to vmbuild.
fn hint_of(class: &str) -> Option<&'static str> {
    match class_name(class) {
        "BoxNotFound"
        | "BoxNotFoundWithProvider"
        | "BoxAddShortNotFound"
        | "DownloaderError"
        | "BoxAddMetadataMultiURL" => Some(
            "set VMBUILD_BOX to another box; `vmbuild image export <image> --format vagrant-box` makes one for libvirt",
        ),
        "BoxProviderDoesntMatch"
        | "BoxAddNoMatchingProvider"
        | "NoDefaultProvider"
        | "ProviderNotFound"
        | "ProviderNotUsable" => Some(
            "set VAGRANT_DEFAULT_PROVIDER to another provider; `vagrant plugin list` shows installed provider plugins",
        ),
        "VMBootTimeout" => Some("set VMBUILD_DRIVER=qemu to give an emulated machine more time"),
        "FogLibvirtConnectionError" | "FogError" => Some("start libvirtd, and make sure that this user may use it"),
        "VagrantLocked" | "MachineLocked" => Some("wait for the other `vagrant` command on this machine to finish"),
        _ => None,
    }
}
