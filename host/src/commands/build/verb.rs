//! `vmbuild build`.

use super::inputs::inputs;
use super::plan;
use crate::cli::BuildArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use vmbuild_artifact::ExistingArtifact;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::{BuildOutcome, BuildRequest};

/// Builds, validates and publishes one CPython. Checks and artifact are reported as events.
pub(crate) async fn build(context: &CommandContext, args: BuildArgs) -> Result<CommandExit, Failure> {
    match vmbuild_operations::build(context, request(args)).await? {
        BuildOutcome::Published(_) => Ok(Exit::Success.into()),
        BuildOutcome::Rejected(_) => Ok(Exit::Job.into()),
        BuildOutcome::Planned(planned) => plan::print(context, &planned),
    }
}

fn request(args: BuildArgs) -> BuildRequest {
    BuildRequest {
        inputs: inputs(args.wanted),
        jobs: args.options.jobs,
        artifacts: args.options.artifacts,
        number: args.build_number,
        existing: if args.force { ExistingArtifact::Replace } else { ExistingArtifact::Keep },
        lenient: args.lenient,
        train: args.train,
        allow_emulated_training: args.allow_emulated_pgo,
        no_cache: args.no_cache,
        plan_only: args.print_plan,
    }
}
