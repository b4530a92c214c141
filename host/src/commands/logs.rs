//! `vmbuild logs`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::LogsArgs;
use crate::report;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::LogsRequest;
use vmbuild_protocol::OutputStream;

/// Prints QEMU's log and the console's; with `--follow` also what is appended to them.
pub(crate) async fn logs(context: &CommandContext, args: LogsArgs) -> Result<CommandExit, Failure> {
    let request = LogsRequest { name: args.target.name(), follow: args.follow };
    vmbuild_operations::logs(context, request, |bytes| report::program_output(OutputStream::Stdout, bytes)).await?;
    Ok(Exit::Success.into())
}
