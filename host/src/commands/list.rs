//! `vmbuild list`: the names of the machines that exist, for scripts.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::report;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::StoreError;
use vmbuild_machine::MachineFolder;

/// Prints one name a line. Asks no machine anything.
pub(crate) async fn list(context: &CommandContext) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    let folders = MachineFolder::list(&context.store.machines()).map_err(StoreError::Io)?;
    let names: Vec<String> = folders.iter().map(|folder| folder.name().to_string()).collect();
    let text = if context.json {
        format!("{}\n", serde_json::json!({ "schema": 1, "machines": names }))
    } else {
        names.iter().flat_map(|name| [name, "\n"]).collect()
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
