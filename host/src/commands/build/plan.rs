//! `vmbuild plan`.

use super::inputs::inputs;
use crate::cli::BuildInputArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::{PlanOutcome, PlanRequest};

/// Prints everything that determines an artifact.
pub(crate) async fn plan(context: &CommandContext, args: BuildInputArgs) -> Result<CommandExit, Failure> {
    let planned = vmbuild_operations::plan(context, PlanRequest { inputs: inputs(args) }).await?;
    print(context, &planned)
}

/// Prints a plan: on one line for programs, indented for people.
pub(super) fn print(context: &CommandContext, planned: &PlanOutcome) -> Result<CommandExit, Failure> {
    let document = serde_json::json!({ "schema": 1, "plan_sha256": planned.sha256, "plan": planned.plan });
    let text = if context.json { format!("{document}\n") } else { format!("{document:#}\n") };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
