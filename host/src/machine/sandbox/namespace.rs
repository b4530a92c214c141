//! Running a program in namespaces of its own, as root there, without being root here.

use crate::failure::{Diagnose, Exit};
use crate::machine::Network;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Child, Deadline, Lifetime, Tail};

/// A program and the namespaces around it: user, mount, PID, IPC, UTS and, without network, network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enter {
    /// What it sees as `/`.
    pub root: Root,
    /// Whether it shares the host's network.
    pub network: Network,
    /// Host paths made visible inside.
    pub binds: Vec<Bind>,
    /// Host name inside.
    pub hostname: String,
    /// Program (as seen inside) and arguments. It is process 1 of its PID namespace.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Its working directory, as seen inside.
    pub cwd: String,
}

/// What a namespaced program sees as `/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Root {
    /// The host's own root: for tools that work on the host's files as the namespace's root user.
    Host,
    /// Read-only layers, uppermost first, under a writable upper folder.
    Overlay {
        /// The layers.
        layers: Vec<PathBuf>,
        /// Where changes go.
        upper: PathBuf,
        /// The kernel's scratch folder, on the same file system as `upper`.
        work: PathBuf,
    },
}

/// A host path made visible inside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bind {
    /// Host path.
    pub from: PathBuf,
    /// Path inside; made if missing.
    pub to: String,
    /// Whether it may be written to.
    pub writable: bool,
}

/// Why a program could not run in namespaces.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The program failed.
    #[error(transparent)]
    Run(#[from] vmbuild_supervise::RunError),
}

impl Diagnose for NamespaceError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

#[expect(unused_variables, clippy::unused_async, reason = "C1")]
impl Enter {
    /// Starts it. Output is captured unless the streams are replaced.
    pub async fn spawn(&self, lifetime: Lifetime, keep: Vec<std::os::fd::OwnedFd>) -> Result<Child, NamespaceError> {
        todo!("C1")
    }

    /// Runs it to its end, demanding success.
    pub async fn run(
        &self,
        deadline: Deadline,
        cancel: &CancellationToken,
        on_output: impl FnMut(&[u8]),
    ) -> Result<Tail, NamespaceError> {
        todo!("C1")
    }
}

/// The hidden entry for the processes that set namespaces up: called by `main` before anything else, returns
/// at once unless this process was started as one of them.
pub fn internal_entry() {}
