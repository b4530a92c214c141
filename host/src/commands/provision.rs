//! `vmbuild provision`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::ProvisionArgs;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::ProvisionRequest;

/// Installs the image's packages in a machine that runs.
pub(crate) async fn provision(context: &CommandContext, args: ProvisionArgs) -> Result<CommandExit, Failure> {
    vmbuild_operations::provision(context, ProvisionRequest { name: args.target.name() }).await?;
    Ok(Exit::Success.into())
}
