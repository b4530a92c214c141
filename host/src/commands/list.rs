//! `vmbuild list`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::report;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::ListRequest;

/// Prints one name per line.
pub(crate) async fn list(context: &CommandContext) -> Result<CommandExit, Failure> {
    let names = vmbuild_operations::list(context, ListRequest).await?.names;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let text = if context.json {
        format!("{}\n", serde_json::json!({ "schema": 1, "machines": names }))
    } else {
        names.iter().flat_map(|name| [name, "\n"]).collect()
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
