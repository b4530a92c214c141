//! Dispatch of the `image` verbs.

use super::{build, export, fetch, list, prune, show, update, verify};
use crate::cli::ImageVerb;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use vmbuild_core::failure::Failure;

/// Runs one of the `image` verbs.
pub(crate) async fn image(context: &CommandContext, verb: ImageVerb) -> Result<CommandExit, Failure> {
    match verb {
        ImageVerb::List => list::list(context).await,
        ImageVerb::Show(args) => show::show(context, args).await,
        ImageVerb::Fetch(args) => fetch::fetch(context, args).await,
        ImageVerb::Update(args) => update::update(context, args).await,
        ImageVerb::Build(args) => build::build(context, args).await,
        ImageVerb::Verify(args) => verify::verify(context, args).await,
        ImageVerb::Export(args) => export::export(context, args).await,
        ImageVerb::Prune(args) => prune::prune(context, args).await,
    }
}
