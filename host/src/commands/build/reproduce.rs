//! `vmbuild reproduce`.

use crate::cli::ReproduceArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, TableCell};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::{ReproduceComparison, ReproduceRequest};

/// Builds an artifact again, and prints the differences.
pub(crate) async fn reproduce(context: &CommandContext, args: ReproduceArgs) -> Result<CommandExit, Failure> {
    let comparison = vmbuild_operations::reproduce(context, request(args)).await?;
    let text = if context.json { as_json(&comparison) } else { as_table(&comparison) };
    report::to_stdout(&text)?;
    Ok(if comparison.is_reproduced() { Exit::Success } else { Exit::Job }.into())
}

fn request(args: ReproduceArgs) -> ReproduceRequest {
    ReproduceRequest {
        artifact: args.artifact,
        backend: args.backend,
        accelerator: args.accel,
        vagrant: args.vagrant.request(),
        source: args.source,
        profile_data: args.profile_data,
        allow_emulated_training: args.allow_emulated_pgo,
        keep: args.keep,
    }
}

fn as_json(comparison: &ReproduceComparison) -> String {
    let document = serde_json::json!({
        "schema": 1,
        "artifact": comparison.name.to_string(),
        "reproduced": comparison.is_reproduced(),
        "sha256": { "was": comparison.was, "is": comparison.is },
        "plan_changes": comparison.plan_changes,
        "differences": comparison.differences,
    });
    format!("{document}\n")
}

fn as_table(comparison: &ReproduceComparison) -> String {
    if comparison.is_reproduced() {
        return format!("{} reproduced: sha256 {}\n", comparison.name, comparison.is);
    }
    let head = ["FILE", "DIFFERS IN", "LIKELY CAUSE"].map(TableCell::from).to_vec();
    let rows = comparison.differences.iter().map(|difference| {
        let cause = difference.cause.map_or_else(|| "unknown".to_owned(), |cause| cause.to_string());
        [difference.path.clone(), difference.what.to_string(), cause].map(TableCell::from).to_vec()
    });
    let table = report::columns(&std::iter::once(head).chain(rows).collect::<Vec<Vec<TableCell>>>());
    let count = comparison.differences.len();
    format!("{table}{count} entries differ: sha256 was {}, is {}\n", comparison.was, comparison.is)
}
