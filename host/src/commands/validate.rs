//! `vmbuild validate`.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::ValidateArgs;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::ValidateRequest;

/// Checks an artifact. The table of verdicts is an event.
pub(crate) async fn validate(context: &CommandContext, args: ValidateArgs) -> Result<CommandExit, Failure> {
    let request = ValidateRequest { machine: args.machine.request(), artifact: args.artifact, lenient: args.lenient };
    let outcome = vmbuild_operations::validate(context, request).await?;
    Ok(if outcome.passed() { Exit::Success } else { Exit::Job }.into())
}
