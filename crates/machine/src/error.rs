//! Errors of machines.

use super::backend::{BackendUnavailable, RootKind};
use super::folder::FolderError;
use super::qemu::QemuError;
use super::resources::RoomError;
use super::sandbox::SandboxError;
use super::spec::{BackendKind, MachineName};
use super::vagrant::VagrantError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_guest::{SessionError, SshError};

/// Error of a machine.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its namespaces.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Its virtual machine.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// Vagrant.
    #[error(transparent)]
    Vagrant(#[from] VagrantError),
    /// The session with its agent.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The SSH connection to its agent.
    #[error(transparent)]
    Ssh(#[from] Box<SshError>),
    /// It exited by itself.
    #[error("machine {name} died: {exit_report}")]
    Died {
        /// The machine.
        name: MachineName,
        /// How it exited, and its last output.
        exit_report: String,
        /// Its console's log.
        log: PathBuf,
    },
    /// Its agent could not be reached.
    #[error("the agent in machine {name} did not answer within {} s", limit.as_secs())]
    NoAnswer {
        /// The machine.
        name: MachineName,
        /// Time it had.
        limit: Duration,
        /// Its console's log.
        log: PathBuf,
        /// The last attempt's error.
        #[source]
        source: io::Error,
    },
    /// Its agent fell silent.
    #[error("the agent in machine {name} has been silent for {} s", silence.as_secs())]
    Silent {
        /// The machine.
        name: MachineName,
        /// Duration of the silence.
        silence: Duration,
        /// Its console's log.
        log: PathBuf,
    },
    /// Its backend does not start from such a root.
    #[error("backend `{backend}` does not start from {root}")]
    WrongRoot {
        /// The backend.
        backend: BackendKind,
        /// The kind of root.
        root: RootKind,
    },
    /// Its backend does not work on this host.
    #[error("backend `{backend}` does not work on this host: {source}")]
    Unavailable {
        /// The backend.
        backend: BackendKind,
        /// The reason.
        source: BackendUnavailable,
    },
    /// The host lacks disk space for it.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// It does not run.
    #[error("machine {0} is not running")]
    NotRunning(MachineName),
    /// The command was interrupted.
    #[error("the machine's start was interrupted")]
    Cancelled,
}

impl From<io::Error> for MachineError {
    fn from(error: io::Error) -> Self {
        Self::Folder(FolderError::Io(error))
    }
}

impl Diagnose for MachineError {
    fn exit(&self) -> Exit {
        match self {
            Self::Folder(error) => error.exit(),
            Self::Sandbox(error) => error.exit(),
            Self::Qemu(error) => error.exit(),
            Self::Vagrant(error) => error.exit(),
            Self::Session(error) => error.exit(),
            Self::Ssh(error) => error.exit(),
            Self::Room(error) => error.exit(),
            Self::Died { .. } | Self::NoAnswer { .. } | Self::Silent { .. } => Exit::Environment,
            Self::Unavailable { source, .. } => source.exit,
            Self::NotRunning(_) | Self::WrongRoot { .. } => Exit::Usage,
            Self::Cancelled => Exit::Interrupted,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Folder(error) => error.hints(),
            Self::Sandbox(error) => error.hints(),
            Self::Qemu(error) => error.hints(),
            Self::Vagrant(error) => error.hints(),
            Self::Session(error) => error.hints(),
            Self::Ssh(error) => error.hints(),
            Self::Room(error) => error.hints(),
            Self::Died { log, .. } | Self::NoAnswer { log, .. } | Self::Silent { log, .. } => {
                vec![format!("its console log is {}, until the next vmbuild command removes it", log.display())]
            }
            Self::NotRunning(name) => vec![format!("`vmbuild up {name}` starts it")],
            Self::Unavailable { source, .. } => source.hints.clone(),
            Self::WrongRoot { .. } | Self::Cancelled => Vec::new(),
        }
    }
}
