//! What was ordered, checked as far as that goes without a machine: cheap refusals come first.

use crate::artifact::{ArtifactError, ArtifactFolder, Existing, Staging, Wish};
use crate::cli::{Build, MachineOptions};
use crate::commands::context::Context;
use crate::commands::machines::Setup;
use crate::event::Part;
use crate::failure::Failure;
use crate::image::Image;
use crate::source::{Settings, Source, SourceRequest, obtain};
use vmbuild_cpython::{ImageWord, Profile, Version};

/// An accepted order: its artifact's name is reserved, its source is here.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) version: Version,
    pub(super) profile: Profile,
    pub(super) jobs: Option<u32>,
    pub(super) machine: MachineOptions,
    pub(super) lenient: bool,
    pub(super) source: Source,
}

impl Order {
    /// Reserves the artifact's name, then gets the source: both can refuse before any machine is made.
    pub(super) async fn accept(context: &Context, args: Build) -> Result<(Self, Staging), Failure> {
        let image = Image::find(&args.machine.image)?;
        let image_word: ImageWord = image.artifact_word.parse().map_err(ArtifactError::Name)?;
        let wish = Wish {
            version: args.version,
            image_word,
            number: args.build_number,
            existing: if args.force { Existing::Replace } else { Existing::Keep },
        };
        let folder = ArtifactFolder::open(&args.options.artifacts).map_err(ArtifactError::Io)?;
        let staging = folder.begin(&wish, &context.cancel).await?;
        let request = SourceRequest { version: args.version, given: args.source, sha256: args.source_sha256 };
        let settings = Settings::from_env();
        let source = obtain(&request, &context.store, &settings, &context.events, &context.cancel).await?;
        let order = Self {
            version: args.version,
            profile: args.options.profile,
            jobs: args.options.jobs,
            machine: args.machine,
            lenient: args.lenient,
            source,
        };
        Ok((order, staging))
    }

    /// Says what the user may not want.
    pub(super) fn warn_about(&self, context: &Context, setup: &Setup) {
        if self.profile == Profile::Release && setup.is_emulated() {
            context.events.warn(
                Part::Build,
                "profile release under software emulation takes hours, and its training measures the emulator; \
                 the sandbox runs at native speed: --backend sandbox",
            );
        }
    }
}
