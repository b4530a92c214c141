//! `vmbuild doctor`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::DoctorArgs;
use crate::report::{self, ColorPaint};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::DoctorRequest;

/// Prints every finding; exit 3 if one of them is a failure.
pub(crate) async fn doctor(context: &CommandContext, args: DoctorArgs) -> Result<CommandExit, Failure> {
    let outcome = vmbuild_operations::doctor(context, DoctorRequest { fix: args.fix }).await?;
    let text = if context.json {
        report::finding_json(&outcome.findings)
    } else {
        report::finding_table(&outcome.findings, ColorPaint::of_stdout())
    };
    report::to_stdout(&text)?;
    Ok(if outcome.failed() { Exit::Environment } else { Exit::Success }.into())
}
