//! Starting QEMU, until its monitor answers.

use super::error::QemuError;
use super::options::{Platform, QemuCommand, RunParameters};
use super::overlay::{self, OverlayBase};
use super::qmp::{Qmp, QmpError};
use super::vsock::{VsockTransport, end_recorded};
use super::{OLDEST, QemuBinary, QemuVersion, VsockRecord, files, tsc};
use crate::ProcessIdentity;
use crate::backend::BackendRecord;
use crate::log_tail;
use crate::process::start_ticks;
use crate::{Accelerator, BootMethod, Lifetime, MachineFolder, MachineSpec, StartSource};
use nix::sys::signal::Signal;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vmbuild_core::store::Lock;
use vmbuild_supervise::{Child, Command, Deadline, RunError};

/// Time QEMU has to open its monitor. It takes about 0.1 s; a host that swaps may need much more.
const MONITOR_TIMEOUT: Duration = Duration::from_secs(20);

/// Time QEMU has to exit after its monitor closed the connection, so that the error is about the exit.
const EXIT_NOTICE: Duration = Duration::from_secs(1);

/// A starting QEMU. It is killed if this is dropped before it is finished, even if it is to outlive us.
pub(super) struct QemuLaunch<'a> {
    folder: &'a MachineFolder,
    pub(super) uuid: Uuid,
    child: Option<Child>,
    pub(super) vsock: VsockTransport,
}

impl<'a> QemuLaunch<'a> {
    /// Makes folder and disk ready and starts QEMU.
    pub(super) async fn start(
        spec: &MachineSpec,
        folder: &'a MachineFolder,
        qemu: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, QemuError> {
        make_private(folder.path())?;
        let alive = folder.take_alive_lock().await?;
        let alive = alive.ok_or_else(|| QemuError::Running(folder.name().clone()))?;
        // A QEMU that exited by itself has left its vsock device behind.
        end_recorded(recorded_vsock(folder).as_ref()).await?;
        remove_sockets(folder)?;
        prepare_disk(spec, folder, cancel).await?;
        let tsc = if spec.accelerator() == Some(Accelerator::Tcg) { tsc::rate().await } else { None };
        let mut vsock = prepare_vsock(spec, folder).await;
        let run = RunParameters { uuid: Uuid::new_v4(), clock: now(), tsc, vsock: vsock.option() };
        let inherited = Inherited { alive: &alive, vsock: vsock.take_fd() };
        let child = command(spec, run).and_then(|command| spawn(&command, qemu, spec.lifetime, folder, inherited));
        match child {
            Ok(child) => Ok(Self { folder, uuid: run.uuid, child: Some(child), vsock }),
            Err(error) => {
                vsock.kill();
                Err(error)
            }
        }
    }

    /// The started process.
    pub(super) fn process(&self) -> io::Result<ProcessIdentity> {
        let pid = self.child.as_ref().and_then(Child::id).ok_or(io::ErrorKind::NotFound)?;
        // Zero where the system does not tell: then nobody will ever send it a signal by this identity.
        Ok(ProcessIdentity { pid, start_ticks: start_ticks(pid)?.unwrap_or_default() })
    }

    /// Waits until its monitor answers and proves that it is this QEMU's.
    pub(super) async fn finish(
        mut self,
        cancel: &CancellationToken,
    ) -> Result<(Child, VsockTransport, QemuVersion), QemuError> {
        let deadline = Deadline::after(MONITOR_TIMEOUT);
        let monitor = self.wait_for_monitor(deadline, cancel).await;
        match (monitor, self.child.take()) {
            (Ok(version), Some(child)) => {
                Ok((child, std::mem::replace(&mut self.vsock, VsockTransport::moved()), version))
            }
            (Err(error), Some(child)) => Err(shut_down(child, error).await),
            (monitor, None) => Err(monitor.err().unwrap_or(QemuError::Cancelled)),
        }
    }

    async fn wait_for_monitor(
        &mut self,
        deadline: Deadline,
        cancel: &CancellationToken,
    ) -> Result<QemuVersion, QemuError> {
        let Some(child) = &mut self.child else { return Err(QemuError::Cancelled) };
        let monitor = self.folder.file(files::MONITOR);
        let refused = tokio::select! {
            ended = child.wait() => return Err(ended_early(self.folder, ended)),
            () = cancel.cancelled() => return Err(QemuError::Cancelled),
            answer = monitor_identity(&monitor, deadline) => match answer {
                Ok((uuid, version)) if uuid == self.uuid => return new_enough(version),
                Ok(_) => return Err(not_ours(self.folder)),
                Err(refused) => refused,
            },
        };
        match tokio::time::timeout(EXIT_NOTICE, child.wait()).await {
            Ok(ended) => Err(ended_early(self.folder, ended)),
            Err(_) => Err(monitor_timeout(self.folder, refused, deadline)),
        }
    }
}

impl Drop for QemuLaunch<'_> {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.signal_group(Signal::SIGKILL);
        }
        self.vsock.kill();
    }
}

/// The vsock device of the machine's last start.
fn recorded_vsock(folder: &MachineFolder) -> Option<VsockRecord> {
    match folder.read_record().ok()??.backend {
        BackendRecord::Qemu(own) => own.vsock,
        _ => None,
    }
}

/// Makes the machine's own disk.
async fn prepare_disk(spec: &MachineSpec, folder: &MachineFolder, cancel: &CancellationToken) -> Result<(), QemuError> {
    let base = match &spec.start {
        StartSource::Qemu { root, .. } => OverlayBase::root(root),
        StartSource::FirstBoot { system, .. } => OverlayBase::system(system),
        _ => return Err(QemuError::OtherBackend(spec.name.clone())),
    };
    overlay::prepare(folder, &base, spec.lifetime, cancel).await?;
    if let StartSource::FirstBoot { system, .. } = &spec.start
        && let BootMethod::Uefi { vars, .. } = &system.boot
    {
        // The package's own is read-only, and so would be a plain copy.
        fs_err::write(folder.file(files::VARS), fs_err::read(vars)?)?;
    }
    Ok(())
}

/// A cloud image may lack the driver, and its agent is a service that serves only the virtio-serial port.
async fn prepare_vsock(spec: &MachineSpec, folder: &MachineFolder) -> VsockTransport {
    match &spec.start {
        StartSource::FirstBoot { .. } => {
            VsockTransport::None { why: "a cloud image is reached over virtio-serial only".to_owned() }
        }
        _ => VsockTransport::prepare(folder, spec.lifetime).await,
    }
}

/// The command line that starts from the machine's disk.
fn command(spec: &MachineSpec, run: RunParameters) -> Result<QemuCommand, QemuError> {
    let platform = Platform::current();
    match &spec.start {
        StartSource::Qemu { accelerator, root } => {
            Ok(QemuCommand::for_machine(spec, *accelerator, root, run, platform))
        }
        StartSource::FirstBoot { accelerator, system } => {
            Ok(QemuCommand::for_first_boot(spec, *accelerator, system, run, platform))
        }
        _ => Err(QemuError::OtherBackend(spec.name.clone())),
    }
}

async fn shut_down(mut child: Child, error: QemuError) -> QemuError {
    child.shutdown().await;
    error
}

fn new_enough(version: QemuVersion) -> Result<QemuVersion, QemuError> {
    if version < OLDEST { Err(QemuError::TooOld { program: QemuBinary::path()?, version }) } else { Ok(version) }
}

/// Asks the monitor for its uuid, retrying until QEMU listens.
async fn monitor_identity(monitor: &Path, deadline: Deadline) -> Result<(Uuid, QemuVersion), QmpError> {
    loop {
        match Qmp::open(monitor, deadline).await {
            Ok(mut qmp) => return Ok((qmp.query_uuid().await?, qmp.version())),
            Err(QmpError::Unreachable { .. }) if !deadline.passed() => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(refused) => return Err(refused),
        }
    }
}

fn ended_early(folder: &MachineFolder, ended: Result<vmbuild_supervise::ChildEnd, RunError>) -> QemuError {
    match ended {
        Ok(how) => QemuError::EndedEarly { how: how.to_string(), output: qemu_output(folder) },
        Err(lost) => lost.into(),
    }
}

fn monitor_timeout(folder: &MachineFolder, refused: QmpError, deadline: Deadline) -> QemuError {
    match refused {
        QmpError::Silent { .. } | QmpError::Unreachable { .. } => {
            QemuError::MonitorTimeout { limit: deadline.limit(), output: qemu_output(folder) }
        }
        refused => refused.into(),
    }
}

pub(super) fn not_ours(folder: &MachineFolder) -> QemuError {
    let found = "another QEMU answers on its monitor socket".to_owned();
    QemuError::NotOurs { machine: folder.name().clone(), found }
}

/// QEMU's output, without the command line that its log begins with.
pub(super) fn qemu_output(folder: &MachineFolder) -> String {
    let output = log_tail::text(&folder.file(files::LOG));
    output.lines().filter(|line| !line.starts_with('$')).collect::<Vec<_>>().join("\n")
}

/// Descriptors that QEMU inherits.
struct Inherited<'a> {
    /// The machine's lock, which it holds as long as it runs.
    alive: &'a Lock,
    /// The kernel's vsock device.
    vsock: Option<OwnedFd>,
}

fn spawn(
    command: &QemuCommand,
    qemu: &Path,
    lifetime: Lifetime,
    folder: &MachineFolder,
    inherited: Inherited<'_>,
) -> Result<Child, QemuError> {
    let command = Command::new(qemu)
        .args(command.arguments())
        // The sockets are named relative to it, see `ChardevBackend::Socket`.
        .current_dir(folder.path())
        .lifetime(match lifetime {
            Lifetime::Job => vmbuild_supervise::ChildLifetime::BoundToParent,
            Lifetime::Named => vmbuild_supervise::ChildLifetime::Detached,
        })
        .keep_fd(inherited.alive.share()?);
    let command = match inherited.vsock {
        Some(taken) => command.keep_fd(taken),
        None => command,
    };
    // A file, not a pipe: nothing reads the pipe of a machine that outlives us, and QEMU would block on it eventually.
    let log = fs_err::File::create(folder.file(files::LOG))?;
    writeln!(&log, "$ {}", command.line())?;
    let (stdout, stderr) = (log.file().try_clone()?, log.into_file());
    Ok(command.stdout(stdout).stderr(stderr).spawn()?)
}

/// Other users must not reach the monitor: it controls the machine.
fn make_private(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// Removes the sockets of a QEMU that was killed. We hold the lock, so none of them is in use.
fn remove_sockets(folder: &MachineFolder) -> io::Result<()> {
    for name in [files::AGENT, files::MONITOR, files::VSOCK, files::VSOCK_DEVICE] {
        match fs_err::remove_file(folder.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Since the Unix epoch.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
