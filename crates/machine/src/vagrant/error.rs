//! Why Vagrant did not do what it was asked for.

use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::{RunError, Tail};

/// Why Vagrant did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum VagrantError {
    /// It is not installed.
    #[error("no `vagrant` on PATH")]
    Missing,
    /// It said why.
    #[error("`vagrant {verb}` failed: {message}{}", said.as_suffix())]
    Refused {
        /// What it was asked for.
        verb: &'static str,
        /// Its class of error, such as `Vagrant::Errors::BoxNotFound`.
        class: String,
        /// Its words.
        message: String,
        /// The last lines it had said before, where its words refer to them.
        said: Tail,
    },
    /// It failed without saying why in the way it says it to programs.
    #[error("`vagrant {verb}` failed{}", tail.as_suffix())]
    Failed {
        /// What it was asked for.
        verb: &'static str,
        /// The last lines it wrote.
        tail: Tail,
    },
    /// It took too long.
    #[error("`vagrant {verb}` was still running after {} s", limit.as_secs())]
    TimedOut {
        /// What it was asked for.
        verb: &'static str,
        /// The time it had.
        limit: Duration,
    },
    /// The command was interrupted.
    #[error("`vagrant {verb}` was interrupted")]
    Cancelled {
        /// What it was asked for.
        verb: &'static str,
    },
    /// What it says about SSH leaves something out.
    #[error("`vagrant ssh-config` names no {0}")]
    SshConfig(&'static str),
    /// The spec is another backend's.
    #[error("machine {0} is not one of Vagrant's")]
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

/// The last word of a class, such as `BoxNotFound`: plugins have modules of their own.
fn last(class: &str) -> &str {
    class.rsplit("::").next().unwrap_or(class)
}

fn exit_of(class: &str) -> Exit {
    match last(class) {
        "BoxChecksumMismatch" => Exit::Integrity,
        "ProviderNotFound" | "BoxVersionInvalid" => Exit::Usage,
        _ => Exit::Environment,
    }
}

/// What to do about it, where Vagrant's own words do not say it or mean another program's user.
fn hint_of(class: &str) -> Option<&'static str> {
    match last(class) {
        "BoxNotFound"
        | "BoxNotFoundWithProvider"
        | "BoxAddShortNotFound"
        | "DownloaderError"
        | "BoxAddMetadataMultiURL" => {
            Some("VMBUILD_BOX names a box; `vmbuild image export <image> --format vagrant-box` makes one for libvirt")
        }
        "BoxProviderDoesntMatch"
        | "BoxAddNoMatchingProvider"
        | "NoDefaultProvider"
        | "ProviderNotFound"
        | "ProviderNotUsable" => {
            Some("VAGRANT_DEFAULT_PROVIDER names a provider; `vagrant plugin list` shows those that are plugins")
        }
        "VMBootTimeout" => Some("VMBUILD_DRIVER=qemu gives an emulated machine more time"),
        "FogLibvirtConnectionError" | "FogError" => Some("libvirtd must run, and this user must be allowed to use it"),
        "VagrantLocked" | "MachineLocked" => Some("another `vagrant` works on this machine: wait until it is done"),
        _ => None,
    }
}
