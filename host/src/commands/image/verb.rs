//! Which verb was meant.

use super::{build, export, fetch, list, prune, update, verify};
use crate::cli::ImageVerb;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use vmbuild_core::failure::Failure;

/// Does what was asked about images.
pub(crate) async fn image(context: &CommandContext, verb: ImageVerb) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    match verb {
        ImageVerb::List => list::list(context),
        ImageVerb::Show(args) => list::show(context, &args),
        ImageVerb::Fetch(args) => fetch::fetch(context, &args).await,
        ImageVerb::Update(args) => update::update(context, &args).await,
        ImageVerb::Build(args) => build::build(context, args).await,
        ImageVerb::Verify(args) => verify::verify(context, &args).await,
        ImageVerb::Export(args) => export::export(context, args).await,
        ImageVerb::Prune(args) => prune::prune(context, &args).await,
    }
}
