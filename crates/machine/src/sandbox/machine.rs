//! A machine made of namespaces.
//!
//! ```text
//! in the machine            in its folder on the host
//! /                         upper/ (changes) over the spec's layers; work/ is the kernel's
//! /run/vmbuild/agent        the agent, read-only
//! /run/vmbuild/host/        socket/: the agent listens on agent.sock there
//! (output of process 1)     serial.log
//! ```

use super::cgroup::{CgroupLimits, MachineCgroups, remove_cgroups};
use super::namespace::NamespaceLaunch;
use super::{BindMount, NamespaceCommand, NamespaceError, NamespaceRoot, SandboxRecord};
use crate::backend::BackendRecord;
use crate::process_handle::ProcessHandle;
use crate::{Lifetime, MachineFolder, MachineRecord, MachineSpec, ProcessIdentity, RootTree, StartSource};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_guest::Transport;
use vmbuild_supervise::Deadline;

const AGENT: &str = "/run/vmbuild/agent";
const HOST: &str = "/run/vmbuild/host";
const SOCKET: &str = "socket/agent.sock";
/// Time an agent has to power off: there is nothing to shut down in a sandbox.
const GRACE: Duration = Duration::from_secs(2);
/// The longest path a Unix socket can have: `sun_path` has 108 bytes, the last of them zero (unix(7)).
const SOCKET_PATH_MAX: usize = 107;

/// Error of a sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Its files.
    #[error("failed to prepare the sandbox")]
    Io(#[from] std::io::Error),
    /// Its namespaces.
    #[error("failed to start the sandbox")]
    Namespace(#[from] NamespaceError),
    /// The path of the agent's socket does not fit.
    #[error("path too long for a socket: {}", path.display())]
    LongPath {
        /// The path.
        path: PathBuf,
    },
    /// The command was interrupted.
    #[error("the sandbox's start was interrupted")]
    Cancelled,
    /// The machine has another backend.
    #[error("machine {0} is not a sandbox")]
    OtherBackend(String),
    /// A process holds the machine's lock.
    #[error("machine {0} is already running")]
    Running(String),
    /// It does not run any more, or its process number was reused.
    #[error("machine {0} is not running")]
    NotRunning(String),
    /// It did not exit in time.
    #[error("the sandbox did not exit within {} s", .0.as_secs())]
    StillRunning(Duration),
}

impl Diagnose for SandboxError {
    fn exit(&self) -> Exit {
        match self {
            Self::Cancelled => Exit::Interrupted,
            Self::Namespace(error) => error.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Namespace(error) => error.hints(),
            Self::LongPath { .. } => vec!["set VMBUILD_HOME to a folder with a shorter path".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// A running sandbox.
#[derive(Debug)]
pub struct SandboxMachine {
    handle: ProcessHandle,
    process: ProcessIdentity,
    folder: MachineFolder,
}

impl SandboxMachine {
    /// Starts the agent in namespaces over the spec's tree. Returns once the process runs; the agent may
    /// still be on its way. The outer process holds the folder's `alive.lock` as long as anything in the machine
    /// lives.
    pub async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, SandboxError> {
        let StartSource::Sandbox { root } = &spec.start else {
            return Err(SandboxError::OtherBackend(spec.name.to_string()));
        };
        let alive = folder.take_alive_lock().await?.ok_or_else(|| SandboxError::Running(spec.name.to_string()))?;
        make_files(folder)?;
        let launch = launch(spec.lifetime, folder, alive.share()?)?;
        let started = Self::launch(spec, describe(spec, folder, root), launch, folder, events, cancel).await;
        if started.is_err() {
            remove_cgroups(folder).await;
        }
        started
    }

    async fn launch(
        spec: &MachineSpec,
        mut enter: NamespaceCommand,
        launch: NamespaceLaunch,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, SandboxError> {
        let groups = MachineCgroups::make(folder, CgroupLimits { cpus: spec.cpus, memory_mib: spec.memory_mib })?;
        if groups.limit_memory() {
            // The agent does not see the group.
            enter.argv.extend(["--memory-limit".to_owned(), (spec.memory_mib << 20).to_string()]);
        }
        let mut limited = false;
        let admit = |pid| {
            limited = groups.admit(pid);
            limit_processors(pid, spec.cpus)
        };
        let child = tokio::select! {
            child = enter.launch(launch, admit) => child?,
            () = cancel.cancelled() => return Err(SandboxError::Cancelled),
        };
        if !limited {
            events.warn(Part::Machine, "could not create a control group: the sandbox's memory is not limited");
        }
        let process = ProcessIdentity::of(child.id().unwrap_or(0))?;
        Ok(Self { handle: ProcessHandle::Child(Box::new(child)), process, folder: folder.clone() })
    }

    /// Attaches to a sandbox that an earlier vmbuild started.
    pub fn attach(folder: &MachineFolder, record: &MachineRecord) -> Result<Self, SandboxError> {
        let BackendRecord::Sandbox(SandboxRecord { process }) = record.backend else {
            return Err(SandboxError::OtherBackend(folder.name().to_string()));
        };
        let handle = ProcessHandle::attach(folder, process)?;
        let handle = handle.ok_or_else(|| SandboxError::NotRunning(folder.name().to_string()))?;
        Ok(Self { handle, process, folder: folder.clone() })
    }

    /// The transport to its agent.
    pub fn transport(&self) -> Transport {
        Transport::Unix(self.folder.file(SOCKET))
    }

    /// Its outer process.
    pub fn process(&self) -> ProcessIdentity {
        self.process
    }

    /// Resolves when the sandbox's process exits by itself, with its output. Cancel-safe; can be called again.
    pub async fn exited(&mut self) -> String {
        let how = self.handle.ended().await;
        format!("its first process {how}{}", self.folder.console_tail().as_suffix())
    }

    /// Ends everything in it, after the caller asked the agent to power off.
    pub async fn stop(&mut self, deadline: Deadline) -> Result<(), SandboxError> {
        if !self.handle.ends_within(GRACE.min(deadline.left())).await && !self.handle.force().await? {
            return Err(SandboxError::StillRunning(deadline.limit()));
        }
        remove_cgroups(&self.folder).await;
        Ok(())
    }
}

/// Ends a sandbox whose vmbuild is gone, if its process is proved to be the recorded one. No process at all is success.
pub(super) async fn end_leftover(
    folder: &MachineFolder,
    record: &MachineRecord,
    deadline: Deadline,
) -> Result<(), SandboxError> {
    match SandboxMachine::attach(folder, record) {
        Ok(mut sandbox) => sandbox.stop(deadline).await,
        // The process number was reused, but the lock is held: the machine is about to exit, or is not the recorded one.
        Err(SandboxError::NotRunning(name)) if folder.is_alive()? => Err(SandboxError::Running(name)),
        Err(SandboxError::NotRunning(_)) => {
            remove_cgroups(folder).await;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn make_files(folder: &MachineFolder) -> Result<(), SandboxError> {
    let socket = folder.file(SOCKET);
    if socket.as_os_str().len() > SOCKET_PATH_MAX {
        return Err(SandboxError::LongPath { path: socket });
    }
    for name in ["upper", "work", "socket"] {
        fs_err::create_dir_all(folder.file(name))?;
    }
    match fs_err::remove_file(&socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn describe(spec: &MachineSpec, folder: &MachineFolder, root: &RootTree) -> NamespaceCommand {
    let bind = |from, to: &str, writable| BindMount { from, to: to.to_owned(), writable };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    NamespaceCommand {
        root: NamespaceRoot::Overlay {
            layers: root.layers.clone(),
            upper: folder.file("upper"),
            work: folder.file("work"),
        },
        network: spec.network,
        binds: vec![bind(spec.agent.clone(), AGENT, false), bind(folder.file("socket"), HOST, true)],
        hostname: spec.name.to_string(),
        argv: [AGENT, "serve", "--unix", "/run/vmbuild/host/agent.sock"].map(str::to_owned).to_vec(),
        env: vec![
            pair("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            pair("HOME", "/root"),
            pair("LANG", "C.UTF-8"),
            // From systemd's container interface: package scripts check it.
            pair("container", "vmbuild"),
        ],
        cwd: "/".to_owned(),
    }
}

fn launch(lifetime: Lifetime, folder: &MachineFolder, alive: OwnedFd) -> Result<NamespaceLaunch, SandboxError> {
    let log = fs_err::OpenOptions::new().create(true).append(true).open(folder.console())?;
    let lifetime = match lifetime {
        Lifetime::Job => vmbuild_supervise::ChildLifetime::BoundToParent,
        Lifetime::Named => vmbuild_supervise::ChildLifetime::Detached,
    };
    Ok(NamespaceLaunch { lifetime, keep: vec![alive], log: Some(log.into_parts().0) })
}

/// Limits the process to the first `count` of the processors that we may use: unlike a quota, programs see it (`nproc`).
#[cfg(target_os = "linux")]
fn limit_processors(pid: u32, count: u32) -> std::io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None)?;
    let mut chosen = CpuSet::new();
    for number in (0..CpuSet::MAX_CPU).filter(|&number| allowed.is_set(number)).take(count as usize) {
        chosen.set(number);
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    Ok(sched_setaffinity(pid, &chosen)?)
}

#[cfg(not(target_os = "linux"))]
fn limit_processors(_: u32, _: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
