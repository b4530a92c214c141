//! `vmbuild status`: the machines that exist, and what QMP and the agents say of them.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::report::{self, Cell};
use serde::Serialize;
use std::time::Duration;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::StoreError;
use vmbuild_guest::{FailedTransport, RaceResult, TransportKind};
use vmbuild_machine::{BackendKind, Machine, MachineError, MachineFolder, MachineState, PAUSED, qemu};
use vmbuild_protocol::{BUILD_ID, Facts};

/// How long an agent has to answer. A virtual machine's port takes one caller at a time: one that another vmbuild
/// works with does not answer, and is shown without its agent.
const ANSWER: Duration = Duration::from_secs(5);

/// The same over SSH, whose keys an emulated machine has to work out first: 8 s were measured.
const SSH_ANSWER: Duration = Duration::from_secs(30);

/// One machine's line.
#[derive(Debug, Serialize)]
pub(crate) struct MachineStatus {
    name: String,
    state: MachineState,
    image: String,
    backend: Option<BackendKind>,
    /// What executes its instructions, as QEMU itself reports it.
    accelerator: Option<String>,
    /// QEMU's version and what its processors do, as QMP reports them.
    qemu: Option<QemuReport>,
    cpus: Option<u32>,
    memory_mib: Option<u64>,
    up_seconds: Option<u64>,
    agent: Option<AgentStatus>,
}

/// What QMP said.
#[derive(Debug, Serialize)]
struct QemuReport {
    version: String,
    state: String,
    uuid: String,
}

/// What the agent in it said.
#[derive(Debug, Serialize)]
struct AgentStatus {
    build: String,
    transport: TransportKind,
    /// Why it is not reached another way.
    other_ways: Vec<FailedTransport>,
    round_trip_ms: f64,
    kernel: String,
    guest: GuestStatus,
}

/// What the agent says of its machine, at this moment.
#[derive(Debug, Serialize)]
struct GuestStatus {
    os: String,
    arch: String,
    hostname: String,
    cpus: u32,
    memory_bytes: u64,
    memory_available_bytes: u64,
    disk_free_bytes: u64,
    uptime_seconds: u64,
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

/// Prints every machine; an agent that does not answer is part of the answer.
pub(crate) async fn status(context: &CommandContext) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    let mut lines = Vec::new();
    for folder in MachineFolder::list(&context.store.machines()).map_err(StoreError::Io)? {
        lines.push(describe(context, &folder).await?);
    }
    let text = if context.json {
        format!("{}\n", serde_json::json!({ "schema": 1, "machines": lines }))
    } else {
        let head = ["NAME", "STATE", "IMAGE", "BACKEND", "ACCEL", "CPU", "MEM", "UP", "AGENT"].map(Cell::from);
        let rows = lines.iter().map(|line| row(line).into_iter().map(Cell::from).collect());
        report::columns(&std::iter::once(head.to_vec()).chain(rows).collect::<Vec<Vec<Cell>>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

async fn describe(context: &CommandContext, folder: &MachineFolder) -> Result<MachineStatus, Failure> {
    let record = folder.read_record().map_err(MachineError::Folder)?;
    let backend = record.as_ref().map(|record| record.spec.backend().backend());
    if let Some(backend) = backend {
        // It may have been stopped by other means. If the backend cannot tell now, the last known state stays.
        let _ = backend.confirm_running(folder, &context.cancel).await;
    }
    let over_ssh = backend.is_some_and(|backend| backend.features().over_ssh);
    let state = folder.state().map_err(MachineError::Folder)?;
    let spec = record.as_ref().map(|record| &record.spec);
    let running = state == MachineState::Running;
    let started = record.as_ref().map(|record| record.started_unix).filter(|_| running);
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let qmp = match &record {
        Some(record) if running => qemu::status(folder, record).await.ok(),
        _ => None,
    };
    Ok(MachineStatus {
        name: folder.name().to_string(),
        state,
        image: spec.map(|spec| spec.image.clone()).unwrap_or_default(),
        backend: spec.map(vmbuild_machine::MachineSpec::backend),
        accelerator: qmp.as_ref().map(|qmp| qmp.accelerator.to_string()),
        qemu: qmp.map(|qmp| QemuReport {
            version: qmp.version.to_string(),
            state: qmp.state.to_owned(),
            uuid: qmp.uuid,
        }),
        cpus: spec.map(|spec| spec.cpus),
        memory_mib: spec.map(|spec| spec.memory_mib),
        up_seconds: started.map(|started| now.saturating_sub(started)),
        agent: if running {
            tokio::time::timeout(if over_ssh { SSH_ANSWER } else { ANSWER }, ask(context, folder)).await.ok().flatten()
        } else {
            None
        },
    })
}

async fn ask(context: &CommandContext, folder: &MachineFolder) -> Option<AgentStatus> {
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

fn row(machine: &MachineStatus) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let agent = machine.agent.as_ref().map(|agent| format!("over {}, {} ms", agent.transport, agent.round_trip_ms));
    vec![
        machine.name.clone(),
        words(machine).to_owned(),
        machine.image.clone(),
        or_dash(machine.backend.map(|backend| backend.to_string())),
        or_dash(machine.accelerator.clone()),
        or_dash(machine.cpus.map(|cpus| cpus.to_string())),
        or_dash(machine.memory_mib.map(|mib| format!("{mib} MB"))),
        or_dash(machine.up_seconds.map(|seconds| vmbuild_core::format::duration(Duration::from_secs(seconds)))),
        or_dash(agent),
    ]
}

fn words(machine: &MachineStatus) -> &'static str {
    match machine.state {
        MachineState::Running if machine.qemu.as_ref().is_some_and(|qemu| qemu.state == PAUSED) => "paused: disk full",
        MachineState::Running => "running",
        MachineState::Stopped => "stopped",
        MachineState::Abandoned => "abandoned",
    }
}
