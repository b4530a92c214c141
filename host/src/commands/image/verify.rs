//! `vmbuild image verify`

use crate::cli::NamedImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, ColorPaint, TableCell};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::{VerifiedItem, VerifyOutcome};
use vmbuild_operations::image::{self, ImageVerifyRequest};

/// Prints every comparison; exit 4 if one failed.
pub(super) async fn verify(context: &CommandContext, args: NamedImage) -> Result<CommandExit, Failure> {
    let outcome = image::verify(context, ImageVerifyRequest { image: args.name.clone() }).await?;
    let (passed, items) = (outcome.passed(), &outcome.items);
    let text = if context.json {
        let document = serde_json::json!({ "schema": 1, "image": args.name, "passed": passed, "items": items });
        format!("{document}\n")
    } else {
        report::columns(&items.iter().map(row).collect::<Vec<_>>())
    };
    report::to_stdout(&text)?;
    Ok(if passed { Exit::Success } else { Exit::Integrity }.into())
}

fn row(item: &VerifiedItem) -> Vec<TableCell> {
    let paint = ColorPaint::of_stdout();
    let outcome = match item.outcome {
        VerifyOutcome::Pass => TableCell::new(item.outcome.as_str(), paint.green()),
        VerifyOutcome::Fail => TableCell::new(item.outcome.as_str(), paint.red()),
        VerifyOutcome::Absent => TableCell::from(item.outcome.as_str()),
    };
    vec![item.role.into(), item.item.into(), outcome, item.evidence.as_str().into()]
}
