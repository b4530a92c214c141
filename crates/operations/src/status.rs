//! `status`: the machines that exist, as QMP and their agents describe them.

use crate::sweep::sweep;
use serde::Serialize;
use std::time::Duration;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;
use vmbuild_guest::{FailedTransport, RaceResult, TransportKind};
use vmbuild_machine::{BackendKind, Machine, MachineError, MachineFolder, MachineRecord, MachineState, PAUSED, qemu};
use vmbuild_protocol::{BUILD_ID, Facts};

/// How long an agent has to answer. A virtual machine's port takes one caller at a time: an agent that another vmbuild
/// works with does not answer, and its machine is shown without it.
const ANSWER: Duration = Duration::from_secs(5);

/// The same over SSH, whose keys an emulated machine has to work out first: 8 s were measured.
const SSH_ANSWER: Duration = Duration::from_secs(30);

/// Describes every machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusRequest;

/// The machines that exist.
#[derive(Debug, Clone, Serialize)]
pub struct StatusOutcome {
    /// All of them, by name.
    pub machines: Vec<MachineStatus>,
}

/// One machine.
#[derive(Debug, Clone, Serialize)]
pub struct MachineStatus {
    /// Its name.
    pub name: String,
    /// Running, stopped or abandoned.
    pub state: MachineState,
    /// The image it was made of; empty if its record is missing.
    pub image: String,
    /// The backend that runs it.
    pub backend: Option<BackendKind>,
    /// Accelerator in use, as QEMU itself reports it.
    pub accelerator: Option<String>,
    /// QEMU's version and the state of its processors, as QMP reports them.
    pub qemu: Option<QemuReport>,
    /// Number of processors.
    pub cpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Seconds since it was started.
    pub up_seconds: Option<u64>,
    /// Its agent, if it answered.
    pub agent: Option<AgentStatus>,
}

impl MachineStatus {
    /// True if QEMU paused the machine because the host's disk is full.
    pub fn is_paused(&self) -> bool {
        self.state == MachineState::Running && self.qemu.as_ref().is_some_and(|qemu| qemu.state == PAUSED)
    }
}

/// The answers of QMP.
#[derive(Debug, Clone, Serialize)]
pub struct QemuReport {
    /// QEMU's version.
    pub version: String,
    /// The state of the virtual processors.
    pub state: String,
    /// The machine's UUID.
    pub uuid: String,
}

/// The answers of the agent in a machine.
#[derive(Debug, Clone, Serialize)]
pub struct AgentStatus {
    /// Its build.
    pub build: String,
    /// The transport it answered on.
    pub transport: TransportKind,
    /// The others, and why they lost.
    pub other_ways: Vec<FailedTransport>,
    /// Round trip of an empty request, in milliseconds.
    pub round_trip_ms: f64,
    /// The guest's kernel release.
    pub kernel: String,
    /// The guest itself.
    pub guest: GuestStatus,
}

/// A guest at this moment, as its agent describes it.
#[derive(Debug, Clone, Serialize)]
pub struct GuestStatus {
    /// Its operating system.
    pub os: String,
    /// Its processor architecture.
    pub arch: String,
    /// Its host name.
    pub hostname: String,
    /// Number of processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Memory that programs can still get, in bytes.
    pub memory_available_bytes: u64,
    /// Free space of its root file system, in bytes.
    pub disk_free_bytes: u64,
    /// Seconds since it booted.
    pub uptime_seconds: u64,
}

impl GuestStatus {
    fn of(facts: Facts) -> Self {
        Self {
            os: facts.os,
            arch: facts.arch,
            hostname: facts.hostname,
            cpus: facts.cpus,
            memory_bytes: facts.memory_bytes,
            memory_available_bytes: facts.memory_available_bytes,
            disk_free_bytes: facts.disk_free_bytes,
            uptime_seconds: facts.uptime_seconds,
        }
    }
}

/// Describes every machine; an agent that does not answer is part of the answer.
pub async fn status(context: &Context, _request: StatusRequest) -> Result<StatusOutcome, Failure> {
    sweep(context).await?;
    let mut machines = Vec::new();
    for folder in MachineFolder::list(&context.store.machines()).map_err(StoreError::Io)? {
        machines.push(describe(context, &folder).await?);
    }
    Ok(StatusOutcome { machines })
}

async fn describe(context: &Context, folder: &MachineFolder) -> Result<MachineStatus, Failure> {
    let record = folder.read_record().map_err(MachineError::Folder)?;
    let backend = record.as_ref().map(|record| record.spec.backend().backend());
    if let Some(backend) = backend {
        // It may have been stopped by other means. If the backend cannot tell now, the last known state stays.
        let _ = backend.confirm_running(folder, &context.cancel).await;
    }
    let state = folder.state().map_err(MachineError::Folder)?;
    let spec = record.as_ref().map(|record| &record.spec);
    let running = state == MachineState::Running;
    let qmp = if running { ask_qemu(folder, record.as_ref()).await } else { None };
    let over_ssh = backend.is_some_and(|backend| backend.features().over_ssh);
    let limit = if over_ssh { SSH_ANSWER } else { ANSWER };
    let agent =
        if running { tokio::time::timeout(limit, ask_agent(context, folder)).await.ok().flatten() } else { None };
    Ok(MachineStatus {
        name: folder.name().to_string(),
        state,
        image: spec.map(|spec| spec.image.clone()).unwrap_or_default(),
        backend: spec.map(vmbuild_machine::MachineSpec::backend),
        accelerator: qmp.as_ref().map(|(accelerator, _)| accelerator.clone()),
        qemu: qmp.map(|(_, qemu)| qemu),
        cpus: spec.map(|spec| spec.cpus),
        memory_mib: spec.map(|spec| spec.memory_mib),
        up_seconds: record.as_ref().filter(|_| running).map(seconds_up),
        agent,
    })
}

fn seconds_up(record: &MachineRecord) -> u64 {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    now.saturating_sub(record.started_unix)
}

/// The accelerator and the rest of what QMP reports; `None` where there is no QEMU or it does not answer.
async fn ask_qemu(folder: &MachineFolder, record: Option<&MachineRecord>) -> Option<(String, QemuReport)> {
    let qmp = qemu::status(folder, record?).await.ok()?;
    let report = QemuReport { version: qmp.version.to_string(), state: qmp.state.to_owned(), uuid: qmp.uuid };
    Some((qmp.accelerator.to_string(), report))
}

async fn ask_agent(context: &Context, folder: &MachineFolder) -> Option<AgentStatus> {
    let machine = Machine::attach(&context.store, folder.name(), &context.cancel).await.ok()?;
    let round_trip = machine.session().ping().await.ok()?;
    let facts = machine.session().facts().await.ok()?;
    let RaceResult { winner, losers, .. } = machine.reached()?.clone();
    let round_trip_ms = (round_trip.as_secs_f64() * 1e5).round() / 100.0;
    let kernel = facts.kernel.clone();
    Some(AgentStatus {
        build: BUILD_ID.to_owned(),
        transport: winner,
        other_ways: losers,
        round_trip_ms,
        kernel,
        guest: GuestStatus::of(facts),
    })
}
