//! `vmbuild halt`, `vmbuild reload` and `vmbuild destroy`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::TargetsArgs;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::{DestroyRequest, HaltRequest, ReloadRequest};

/// Stops machines.
pub(crate) async fn halt(context: &CommandContext, args: TargetsArgs) -> Result<CommandExit, Failure> {
    vmbuild_operations::halt(context, HaltRequest { names: args.names() }).await?;
    Ok(Exit::Success.into())
}

/// Stops machines and starts them again.
pub(crate) async fn reload(context: &CommandContext, args: TargetsArgs) -> Result<CommandExit, Failure> {
    vmbuild_operations::reload(context, ReloadRequest { names: args.names() }).await?;
    Ok(Exit::Success.into())
}

/// Stops machines and deletes them.
pub(crate) async fn destroy(context: &CommandContext, args: TargetsArgs) -> Result<CommandExit, Failure> {
    vmbuild_operations::destroy(context, DestroyRequest { names: args.names() }).await?;
    Ok(Exit::Success.into())
}
