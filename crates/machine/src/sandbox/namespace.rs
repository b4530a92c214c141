//! Running a program in namespaces of its own, as root there, without being root here.

use super::control::{GO, HelperOrder, HelperReport, MARKER};
use super::refusal::PATIENCE;
use super::{NamespaceError, idmap};
use crate::Network;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Child, ChildEnd, ChildLifetime, Command, Deadline, RunError, Tail};

/// A program and the namespaces around it: user, mount, PID, IPC, UTS and, without network, network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamespaceCommand {
    /// Its root file system.
    pub root: NamespaceRoot,
    /// Its network: none, or the host's.
    pub network: Network,
    /// Host paths made visible inside.
    pub binds: Vec<BindMount>,
    /// Host name inside.
    pub hostname: String,
    /// Program (as seen inside) and arguments. It is process 1 of its PID namespace.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Its working directory, as seen inside.
    pub cwd: String,
}

/// Root file system of a namespaced program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum NamespaceRoot {
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
pub struct BindMount {
    /// Host path.
    pub from: PathBuf,
    /// Path inside; made if missing.
    pub to: String,
    /// It may be written to.
    pub writable: bool,
}

static HELPER: OnceLock<PathBuf> = OnceLock::new();

/// Names the vmbuild program that sets namespaces up, for a program that is not vmbuild itself (a test).
/// Only the first call counts.
pub fn set_helper(program: PathBuf) {
    // A second call loses on purpose: tests in one process may all name the same program.
    let _ = HELPER.set(program);
}

/// The vmbuild program, for those who start it again.
pub fn helper_program() -> std::io::Result<PathBuf> {
    HELPER.get().cloned().map_or_else(std::env::current_exe, Ok)
}

/// The entry point of the processes that set namespaces up. `main` calls it before anything else; it returns immediately
/// unless this process was started as one of them.
pub fn internal_entry() {
    #[cfg(target_os = "linux")]
    super::helper::enter();
}

/// Checks that namespaces can be created, by creating them; otherwise returns the reason.
pub async fn works_here(cancel: &CancellationToken) -> Result<(), String> {
    let trial = NamespaceCommand {
        root: NamespaceRoot::Host,
        network: Network::None,
        binds: Vec::new(),
        hostname: "trial".to_owned(),
        argv: vec!["/bin/true".to_owned()],
        env: Vec::new(),
        cwd: "/".to_owned(),
    };
    let tried = trial.run(Deadline::after(Duration::from_secs(10)), cancel, |_| ()).await;
    tried.map(drop).map_err(|error| error.to_string())
}

impl NamespaceCommand {
    /// Starts it, and returns once it runs: every failure to set it up is an error here, with its reason.
    /// Output is captured.
    pub async fn spawn(&self, lifetime: ChildLifetime, keep: Vec<OwnedFd>) -> Result<Child, NamespaceError> {
        self.launch(NamespaceLaunch { lifetime, keep, log: None }, |_| Ok(())).await
    }

    /// Runs it to its end, demanding success.
    pub async fn run(
        &self,
        deadline: Deadline,
        cancel: &CancellationToken,
        mut on_output: impl FnMut(&[u8]),
    ) -> Result<Tail, NamespaceError> {
        let mut child = self.spawn(ChildLifetime::BoundToParent, Vec::new()).await?;
        let command = self.argv.join(" ");
        match child.finish(deadline, cancel, &mut on_output).await {
            Ok((ChildEnd::Code(0), tail)) => Ok(tail),
            Ok((ended, tail)) => Err(RunError::Failed { command, ended, tail }.into()),
            Err(error) => Err(about(error, command).into()),
        }
    }

    /// As `spawn`. `admit` is told the outer process's number before anything runs inside.
    pub(super) async fn launch(
        &self,
        launch: NamespaceLaunch,
        admit: impl FnOnce(u32) -> std::io::Result<()>,
    ) -> Result<Child, NamespaceError> {
        if !cfg!(target_os = "linux") {
            return Err(NamespaceError::NotLinux);
        }
        let (ours, theirs) = UnixStream::pair()?;
        let order = launch.order(self.clone());
        let mut unready = UnreadyChild(None);
        let child = unready.0.insert(launch.spawn(theirs)?);
        HelperStartup { child, control: BufReader::new(ours) }.drive(&order, admit).await?;
        unready.0.take().ok_or(NamespaceError::NotLinux)
    }
}

/// A child that is not set up yet. It is killed if this is dropped, even if it is to outlive us.
struct UnreadyChild(Option<Child>);

impl Drop for UnreadyChild {
    fn drop(&mut self) {
        if let Some(child) = self.0.as_ref().filter(|child| child.id().is_some()) {
            child.signal_group(Signal::SIGKILL);
        }
    }
}

/// The error, naming the program and not the helper that started it.
fn about(error: RunError, command: String) -> RunError {
    match error {
        RunError::TimedOut { limit, tail, .. } => RunError::TimedOut { command, limit, tail },
        RunError::Cancelled { .. } => RunError::Cancelled { command },
        RunError::Pipe { source, .. } => RunError::Pipe { command, source },
        other => other,
    }
}

/// How the outer process is started.
#[derive(Debug)]
pub(super) struct NamespaceLaunch {
    /// Its lifetime.
    pub(super) lifetime: ChildLifetime,
    /// Descriptors it holds until it exits.
    pub(super) keep: Vec<OwnedFd>,
    /// File for its output, instead of pipes to us.
    pub(super) log: Option<std::fs::File>,
}

impl NamespaceLaunch {
    fn order(&self, enter: NamespaceCommand) -> HelperOrder {
        let kept = self.keep.iter().map(AsRawFd::as_raw_fd).collect();
        HelperOrder { enter, bound: self.lifetime == ChildLifetime::BoundToParent, kept }
    }

    fn spawn(self, control: UnixStream) -> Result<Child, NamespaceError> {
        let control = control.into_std()?;
        control.set_nonblocking(false)?;
        let control = OwnedFd::from(control);
        let helper = HELPER.get().map_or_else(|| OsString::from("/proc/self/exe"), OsString::from);
        let number = control.as_raw_fd().to_string();
        let mut command = Command::new(helper).arg(MARKER).arg(number).lifetime(self.lifetime).keep_fd(control);
        for fd in self.keep {
            command = command.keep_fd(fd);
        }
        if let Some(log) = self.log {
            command = command.stdout(log.try_clone()?).stderr(log);
        }
        Ok(command.spawn()?)
    }
}

/// A helper that has not executed the program yet.
struct HelperStartup<'a> {
    child: &'a mut Child,
    control: BufReader<UnixStream>,
}

impl HelperStartup<'_> {
    async fn drive(
        &mut self,
        order: &HelperOrder,
        admit: impl FnOnce(u32) -> std::io::Result<()>,
    ) -> Result<(), NamespaceError> {
        self.send(&serde_json::to_string(order).map_err(std::io::Error::other)?).await?;
        self.expect(&HelperReport::Ready).await?;
        let pid = self.child.id().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
        admit(pid)?;
        idmap::write(pid, &CancellationToken::new()).await?;
        self.send(GO).await?;
        self.expect(&HelperReport::Started).await?;
        // Now the socket closes silently when the program has been executed, or carries the reason why it has not.
        match self.read_report().await? {
            None => Ok(()),
            Some(HelperReport::Refused(refusal)) => Err(refusal.into()),
            Some(HelperReport::Ready | HelperReport::Started) => Err(self.protocol_error().await),
        }
    }

    /// Sends a line. A helper that has already exited is noticed, with its reason, by its missing answer.
    async fn send(&mut self, line: &str) -> std::io::Result<()> {
        match self.control.write_all(format!("{line}\n").as_bytes()).await {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    async fn expect(&mut self, expected: &HelperReport) -> Result<(), NamespaceError> {
        match self.read_report().await? {
            Some(report) if report == *expected => Ok(()),
            Some(HelperReport::Refused(refusal)) => Err(refusal.into()),
            _ => Err(self.protocol_error().await),
        }
    }

    async fn read_report(&mut self) -> Result<Option<HelperReport>, NamespaceError> {
        let mut line = String::new();
        match tokio::time::timeout(PATIENCE, self.control.read_line(&mut line)).await {
            Err(_) => Err(self.protocol_error().await),
            Ok(Err(error)) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error.into()),
            Ok(Ok(1..)) => Ok(Some(serde_json::from_str(&line).map_err(std::io::Error::other)?)),
            Ok(_) => Ok(None),
        }
    }

    /// The helper violated the protocol: an error with its exit status and output, if it has exited.
    async fn protocol_error(&mut self) -> NamespaceError {
        let mut output = String::new();
        let ended = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await.ok().and_then(Result::ok);
        self.child.shutdown().await;
        if let Some(stderr) = self.child.take_stderr() {
            // A read error leaves the output incomplete.
            let _ = stderr.take(4096).read_to_string(&mut output).await;
        }
        NamespaceError::Helper { ended, output: output.trim_end().to_owned() }
    }
}
