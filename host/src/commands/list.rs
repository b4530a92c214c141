//! `vmbuild list`: the names of the machines that exist, for scripts.

use super::context::Context;
use super::program::Ending;
use crate::failure::{Exit, Failure};
use crate::machine::MachineFolder;
use crate::report;
use crate::store::StoreError;

/// Prints one name a line. Asks no machine anything.
pub(crate) async fn list(context: &Context) -> Result<Ending, Failure> {
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
