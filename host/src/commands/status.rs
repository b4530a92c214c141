//! `vmbuild status`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::report::{self, TableCell};
use std::time::Duration;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::format::duration;
use vmbuild_machine::MachineState;
use vmbuild_operations::{MachineStatus, StatusRequest};

/// Prints every machine.
pub(crate) async fn status(context: &CommandContext) -> Result<CommandExit, Failure> {
    let machines = vmbuild_operations::status(context, StatusRequest).await?.machines;
    let text = if context.json {
        format!("{}\n", serde_json::json!({ "schema": 1, "machines": machines }))
    } else {
        let head = ["NAME", "STATE", "IMAGE", "BACKEND", "ACCEL", "CPU", "MEM", "UP", "AGENT"].map(TableCell::from);
        let rows = machines.iter().map(|machine| row(machine).into_iter().map(TableCell::from).collect());
        report::columns(&std::iter::once(head.to_vec()).chain(rows).collect::<Vec<Vec<TableCell>>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

fn row(machine: &MachineStatus) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let agent = machine.agent.as_ref().map(|agent| format!("over {}, {} ms", agent.transport, agent.round_trip_ms));
    vec![
        machine.name.clone(),
        state(machine).to_owned(),
        machine.image.clone(),
        or_dash(machine.backend.map(|backend| backend.to_string())),
        or_dash(machine.accelerator.clone()),
        or_dash(machine.cpus.map(|cpus| cpus.to_string())),
        or_dash(machine.memory_mib.map(|mib| format!("{mib} MB"))),
        or_dash(machine.up_seconds.map(|seconds| duration(Duration::from_secs(seconds)))),
        or_dash(agent),
    ]
}

fn state(machine: &MachineStatus) -> &'static str {
    match machine.state {
        MachineState::Running if machine.is_paused() => "paused: disk full",
        MachineState::Running => "running",
        MachineState::Stopped => "stopped",
        MachineState::Abandoned => "abandoned",
    }
}
