//! `vmbuild image export`

use crate::cli::ExportImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::ExportRequest;
use vmbuild_operations::image::{self, ImageExportRequest};

/// Exports a golden machine and prints the output's path; as JSON, everything about it.
pub(super) async fn export(context: &CommandContext, args: ExportImage) -> Result<CommandExit, Failure> {
    let output =
        ExportRequest { format: args.format, compression: args.compress, output: args.output, force: args.force };
    let request = ImageExportRequest { image: args.name, role: args.role.into(), output };
    let outcome = image::export(context, request).await?;
    let text = if context.json {
        let document = serde_json::json!({ "schema": 1, "golden": outcome.golden, "exported": outcome.exported });
        format!("{document}\n")
    } else {
        format!("{}\n", outcome.exported.path.display())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
