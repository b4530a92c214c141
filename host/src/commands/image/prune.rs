//! `vmbuild image prune`

use crate::cli::PruneArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, TableCell};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::format::size;
use vmbuild_image::{PruneMode, PrunedItem};
use vmbuild_operations::image::{self, ImagePruneRequest};

/// Deletes, or with `--dry-run` names, what no current image needs, and prints the reasons.
pub(super) async fn prune(context: &CommandContext, args: PruneArgs) -> Result<CommandExit, Failure> {
    let mode = if args.dry_run { PruneMode::DryRun } else { PruneMode::Real };
    let outcome = image::prune(context, ImagePruneRequest { mode }).await?;
    let text = if context.json {
        let (bytes, found) = (outcome.bytes, &outcome.found);
        let document = serde_json::json!({ "schema": 1, "dry_run": args.dry_run, "bytes": bytes, "found": found });
        format!("{document}\n")
    } else {
        report::columns(&outcome.found.iter().map(|found| row(found, mode)).collect::<Vec<_>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

fn row(found: &PrunedItem, mode: PruneMode) -> Vec<TableCell> {
    let done = match (&found.kept, mode) {
        (Some(why), _) => format!("kept: {why}"),
        (None, PruneMode::Real) => "deleted".to_owned(),
        (None, PruneMode::DryRun) => "would be deleted".to_owned(),
    };
    vec![size(found.bytes).into(), found.why.into(), done.into(), found.path.display().to_string().into()]
}
