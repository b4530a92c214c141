//! What was ordered, checked as far as that goes without a machine: cheap refusals come first.

use super::flavour::{Settled, settle};
use super::profile_data;
use crate::cli::{BuildArgs, BuildInputArgs, MachineOptions};
use crate::commands::context::CommandContext;
use crate::commands::versions;
use vmbuild_artifact::{ArtifactError, ArtifactFolder, ExistingArtifact, NameWish, ProfileData, Staging};
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_cpython::{Extent, ImageWord, Profile, Version};
use vmbuild_image::Image;
use vmbuild_job::MachineSetup;
use vmbuild_source::{
    Settings, SignaturePolicy, SourceArchive, SourceRequest, VerifiedSource, fetch_source, verify_source,
};

/// An accepted order: its source is here.
#[derive(Debug)]
pub(super) struct ResolvedRequest {
    pub(super) version: Version,
    pub(super) profile: Profile,
    pub(super) extent: Extent,
    pub(super) machine: MachineOptions,
    pub(super) source: SourceArchive,
    /// What vouches for it.
    pub(super) vouched: VerifiedSource,
    /// The profile that the user named.
    pub(super) profile_data: Option<ProfileData>,
}

impl ResolvedRequest {
    /// Gets the source: that can refuse before any machine is made.
    pub(super) async fn accept(context: &CommandContext, wanted: BuildInputArgs) -> Result<Self, Failure> {
        let extent = wanted.extent();
        let Settled { version, profile, memory } = settle(&wanted)?;
        let machine = MachineOptions { memory, ..wanted.machine };
        let request = SourceRequest { version, given: wanted.source, sha256: wanted.source_sha256 };
        let profile_data = profile_data::given(wanted.profile_data, profile).await?;
        let settings = Settings::from_env();
        let source = fetch_source(&request, &context.store, &settings, &context.events, &context.cancel).await?;
        let policy = if wanted.require_signature { SignaturePolicy::Required } else { SignaturePolicy::IfAvailable };
        let (store, events, cancel) = (&context.store, &context.events, &context.cancel);
        let vouched = verify_source(&request, &source, policy, store, &settings, events, cancel).await?;
        Ok(Self { version, profile, extent, machine, source, vouched, profile_data })
    }

    /// Puts the source's signatures and bill of materials among the logs, where they can be verified again.
    pub(super) fn keep_evidence(&self, staging: &Staging) -> Result<(), ArtifactError> {
        for file in &self.vouched.files {
            let name = file.file_name().unwrap_or_default();
            fs_err::copy(file, staging.log("source").with_file_name(name))?;
        }
        Ok(())
    }

    /// Says what the user may not want.
    pub(super) fn warn_about(&self, context: &CommandContext, setup: &MachineSetup) {
        if self.profile == Profile::Release && setup.is_emulated() {
            context.events.warn(
                Part::Build,
                "profile release under software emulation takes hours; the sandbox runs at native speed: --backend sandbox",
            );
        }
    }
}

/// Reserves the artifact's name.
pub(super) async fn reserve(context: &CommandContext, args: &BuildArgs) -> Result<Staging, Failure> {
    let version = settle(&args.wanted)?.version;
    let image = Image::load(&args.wanted.machine.image, &context.store)?;
    versions::advise(context, &version);
    let image_word: ImageWord = image.artifact_word.parse().map_err(ArtifactError::Name)?;
    let wish = NameWish {
        version,
        image_word,
        extent: args.wanted.extent(),
        number: args.build_number,
        existing: if args.force { ExistingArtifact::Replace } else { ExistingArtifact::Keep },
    };
    let folder = ArtifactFolder::open(&args.options.artifacts).map_err(ArtifactError::Io)?;
    Ok(folder.begin(&wish, &context.cancel).await?)
}
