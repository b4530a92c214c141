//! `vmbuild up`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::UpArgs;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::UpRequest;

/// Starts machines and leaves them running.
pub(crate) async fn up(context: &CommandContext, args: UpArgs) -> Result<CommandExit, Failure> {
    let request = UpRequest {
        names: args.targets.names(),
        machine: args.machine.request(),
        disk_mib: args.disk.map(|disk| disk.mib),
    };
    vmbuild_operations::up(context, request).await?;
    Ok(Exit::Success.into())
}
