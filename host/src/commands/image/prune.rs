//! `vmbuild image prune`: deletes what no current image needs.

use crate::cli::PruneArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, Cell};
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::{PruneMode, PrunedItem, prune as prune_images};
use vmbuild_machine::agent_binary;

/// Deletes, or with `--dry-run` names, and prints what and why.
pub(super) async fn prune(context: &CommandContext, args: &PruneArgs) -> Result<CommandExit, Failure> {
    let pruning = if args.dry_run { PruneMode::DryRun } else { PruneMode::Real };
    // Without an agent nobody knows which initramfs is in use: all stay.
    let agent = agent_binary::find().ok();
    let found = prune_images(&context.store, agent.as_deref(), pruning, &context.cancel).await?;
    let bytes: u64 = found.iter().filter(|found| found.kept.is_none()).map(|found| found.bytes).sum();
    let text = if context.json {
        let document = serde_json::json!({ "schema": 1, "dry_run": args.dry_run, "bytes": bytes, "found": found });
        format!("{document}\n")
    } else {
        report::columns(&found.iter().map(|found| row(found, pruning)).collect::<Vec<_>>())
    };
    report::to_stdout(&text)?;
    let done = if args.dry_run { "would be freed" } else { "freed" };
    context.events.note(Part::Cleanup, format!("{} {done}", vmbuild_core::format::size(bytes)));
    Ok(Exit::Success.into())
}

fn row(found: &PrunedItem, pruning: PruneMode) -> Vec<Cell> {
    let done = match (&found.kept, pruning) {
        (Some(why), _) => format!("kept: {why}"),
        (None, PruneMode::Real) => "deleted".to_owned(),
        (None, PruneMode::DryRun) => "would be deleted".to_owned(),
    };
    vec![
        vmbuild_core::format::size(found.bytes).into(),
        found.why.into(),
        done.into(),
        found.path.display().to_string().into(),
    ]
}
