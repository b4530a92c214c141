//! `vmbuild config`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::KnownSetting;
use crate::report::{self, TableCell};
use vmbuild_core::failure::{Exit, Failure};

/// Prints every setting and the origin of its value.
pub(crate) fn config(context: &CommandContext, known: &[KnownSetting]) -> Result<CommandExit, Failure> {
    let text = if context.json {
        format!("{}\n", serde_json::json!({ "schema": 1, "settings": known }))
    } else {
        let row = |known: &KnownSetting| {
            let value = known.value.clone().unwrap_or_else(|| format!("({})", known.otherwise));
            vec![TableCell::from(known.key), TableCell::from(value), TableCell::from(known.from.clone())]
        };
        let head = ["SETTING", "VALUE", "FROM"].map(TableCell::from).to_vec();
        report::columns(&std::iter::once(head).chain(known.iter().map(row)).collect::<Vec<_>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
