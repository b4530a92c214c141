//! `vmbuild image update`

use crate::cli::NamedImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report;
use serde_json::json;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::image::{self, ImageUpdateRequest};

/// Prints the old pin, the new one, and the file it was written to.
pub(super) async fn update(context: &CommandContext, args: NamedImage) -> Result<CommandExit, Failure> {
    let updated = image::update(context, ImageUpdateRequest { image: args.name }).await?;
    let text = if context.json {
        let document = json!({
            "schema": 1,
            "image": updated.image,
            "file": updated.file,
            "from": updated.from,
            "to": updated.to,
            "digests": updated.digests,
            "vouched": updated.provenance,
        });
        format!("{document}\n")
    } else if updated.from == updated.to {
        format!("{} {} is the newest, {}\n", updated.image, updated.to, updated.provenance)
    } else {
        let file = updated.file.display();
        format!("{} {} -> {}, {}, in {file}\n", updated.image, updated.from, updated.to, updated.provenance)
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
