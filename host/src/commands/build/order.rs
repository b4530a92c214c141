//! What was ordered, checked as far as that goes without a machine: cheap refusals come first.

use crate::artifact::{Overwrite, next_build_number};
use crate::cli::{Build, MachineOptions};
use crate::commands::context::Context;
use crate::commands::machines::Setup;
use crate::event::Part;
use crate::failure::Failure;
use crate::image::Image;
use crate::machine::Accelerator;
use crate::source::{Source, SourceRequest, obtain};
use std::path::PathBuf;
use vmbuild_cpython::{ArtifactName, Profile, Version};

/// An accepted order.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) version: Version,
    pub(crate) profile: Profile,
    pub(crate) jobs: Option<u32>,
    pub(crate) machine: MachineOptions,
    pub(crate) artifacts: PathBuf,
    pub(crate) name: ArtifactName,
    pub(crate) overwrite: Overwrite,
    pub(crate) lenient: bool,
    pub(crate) source: Source,
}

impl Order {
    /// Settles the artifact's name, then gets the source: both can refuse before any machine is made.
    pub(crate) async fn accept(context: &Context, args: Build) -> Result<Self, Failure> {
        let image = Image::find(&args.machine.image)?;
        let artifacts = std::path::absolute(&args.artifacts).map_err(crate::artifact::ArtifactError::Io)?;
        let overwrite = if args.force { Overwrite::Yes } else { Overwrite::No };
        let build = match args.build_number {
            Some(number) => number,
            None => next_build_number(&artifacts, &args.version, image.artifact_word())?,
        };
        let name = ArtifactName::new(args.version.clone(), image.artifact_word(), build);
        crate::artifact::refuse_existing(&artifacts, &name, overwrite)?;
        let request = SourceRequest::new(args.version.clone(), args.source.as_deref(), args.source_sha256.as_deref())?;
        let source = obtain(&request, &context.store, &context.events, &context.cancel).await?;
        Ok(Self {
            version: args.version,
            profile: args.profile,
            jobs: args.jobs,
            machine: args.machine,
            artifacts,
            name,
            overwrite,
            lenient: args.lenient,
            source,
        })
    }

    /// Says what the user may not want.
    pub(crate) fn warn_about(&self, context: &Context, setup: &Setup) {
        if self.profile == Profile::Release && setup.accelerator() == Some(Accelerator::Tcg) {
            context.events.warn(
                Part::Build,
                "profile release under software emulation takes hours, and its training measures the emulator; \
                 the sandbox runs at native speed: --backend sandbox",
            );
        }
    }
}
