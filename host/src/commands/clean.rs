//! `vmbuild clean`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::CleanArgs;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::CleanRequest;

/// Deletes leftover machines and caches, and what the options add.
pub(crate) async fn clean(context: &CommandContext, args: CleanArgs) -> Result<CommandExit, Failure> {
    let request =
        CleanRequest { images: args.images || args.all, sources: args.sources || args.all, downloads: args.all };
    vmbuild_operations::clean(context, request).await?;
    Ok(Exit::Success.into())
}
