//! `vmbuild image …`: one function per verb. Data goes to standard output: a table, or one JSON document.

mod export;

use super::context::Context;
use super::program::Ending;
use crate::cli::ImageVerb;
use crate::failure::Failure;

/// Does what was asked about images.
pub(crate) async fn image(context: &Context, verb: ImageVerb) -> Result<Ending, Failure> {
    context.tidy_up().await?;
    match verb {
        ImageVerb::Export(args) => export::export(context, args).await,
        _ => unreachable!(),
    }
}
