//! `vmbuild image export`: a golden machine in another program's format.

use crate::cli::ExportImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::{ExportContext, ExportRequest, Golden, export as export_golden};
use vmbuild_machine::agent_binary;

/// Prepares the golden machine if need be, and writes it. Prints the output's path; as JSON, all about it.
pub(super) async fn export(context: &CommandContext, args: ExportImage) -> Result<CommandExit, Failure> {
    let agent = agent_binary::find()?;
    let (events, cancel) = (&context.events, &context.cancel);
    let request =
        ExportRequest { format: args.format, compression: args.compress, output: args.output, force: args.force };
    request.validate()?;
    let golden = Golden::prepare(&context.store, &args.name, args.role.into(), &agent, events, cancel).await?;
    let exported =
        export_golden(&golden, &request, ExportContext { store: &context.store, agent: &agent, events, cancel })
            .await?;
    events.note(Part::Image, format!("try it: {}", exported.try_it));
    let text = if context.json {
        let golden = golden.digest();
        format!("{}\n", serde_json::json!({ "schema": 1, "golden": golden, "exported": exported }))
    } else {
        format!("{}\n", exported.path.display())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
