//! A request to build, and its resolution: as far as possible without a machine, so that refusals come first.

use super::flavour::{jobs_in_memory, settle};
use super::profile_data;
use std::path::PathBuf;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, ArtifactFolder, ExistingArtifact, NameWish, ProfileData, StagingFolder};
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_cpython::{BuildNumber, Extent, Flavour, ImageLabel, Profile, Version};
use vmbuild_image::Image;
use vmbuild_job::{MachineRequest, MachineSetup};
use vmbuild_source::{
    FileOrUrl, SignaturePolicy, SourceArchive, SourceRequest, SourceSettings, VerifiedSource, fetch_source,
    verify_source,
};

/// Everything that determines an artifact, as far as the user gives it; `None` is the default.
#[derive(Debug, Clone)]
pub struct BuildInputs {
    /// Version, perhaps with flavours: `3.13.5`, `3.14.10t`, `3.13.5+debug`.
    pub version: Version,
    /// More flavours.
    pub flavours: Vec<Flavour>,
    /// Image, backend and size of the machines.
    pub machine: MachineRequest,
    /// Profile; the default is that of the flavours.
    pub profile: Option<Profile>,
    /// How much of CPython goes into the artifact.
    pub extent: Extent,
    /// Place of the source; the default is to look for it.
    pub source: Option<FileOrUrl>,
    /// SHA-256 of the source; needed for versions that are not listed.
    pub source_sha256: Option<Sha256>,
    /// Policy for the source's signature.
    pub signature: SignaturePolicy,
    /// Published profile to optimise by.
    pub profile_data: Option<PathBuf>,
}

/// A request to build and publish an artifact.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Inputs.
    pub inputs: BuildInputs,
    /// Parallel compiler processes; the default is the machine's processors.
    pub jobs: Option<u32>,
    /// Folder of artifacts.
    pub artifacts: PathBuf,
    /// Build number; the default is the next free one.
    pub number: Option<BuildNumber>,
    /// Policy for an artifact of the same name.
    pub existing: ExistingArtifact,
    /// True if checks that depend on the strictness only warn.
    pub lenient: bool,
    /// If true, train although an earlier build published its profile.
    pub train: bool,
    /// If true, train on an emulated processor.
    pub allow_emulated_training: bool,
    /// If true, compile although this plan has been built before.
    pub no_cache: bool,
    /// If true, stop once the plan is known.
    pub plan_only: bool,
}

/// Inputs with image, version, profile and memory resolved.
#[derive(Debug)]
pub(crate) struct ResolvedRequest {
    pub(crate) version: Version,
    pub(crate) profile: Profile,
    pub(crate) extent: Extent,
    pub(crate) image: Image,
    pub(crate) machine: MachineRequest,
    source: SourceRequest,
    signature: SignaturePolicy,
    profile_data: Option<PathBuf>,
}

/// Files that a build starts from.
#[derive(Debug)]
pub(crate) struct ObtainedInputs {
    pub(crate) source: SourceArchive,
    /// Evidence of where the source comes from.
    pub(crate) vouched: VerifiedSource,
    /// The profile that the user named.
    pub(crate) profile_data: Option<ProfileData>,
}

impl ResolvedRequest {
    /// Resolves inputs. Refuses combinations that cannot be built.
    pub(crate) fn resolve(context: &Context, inputs: BuildInputs) -> Result<Self, Failure> {
        let settled = settle(&inputs)?;
        let image = Image::load(&inputs.machine.image, &context.store)?;
        let version = settled.version;
        Ok(Self {
            version,
            profile: settled.profile,
            extent: inputs.extent,
            image,
            machine: MachineRequest { memory_mib: settled.memory, ..inputs.machine },
            source: SourceRequest { version, given: inputs.source, sha256: inputs.source_sha256 },
            signature: inputs.signature,
            profile_data: inputs.profile_data,
        })
    }

    /// Reserves the artifact's name.
    pub(crate) async fn reserve(&self, context: &Context, request: &ArtifactRequest) -> Result<StagingFolder, Failure> {
        crate::versions::advise(context, &self.version);
        let image_label: ImageLabel = self.image.artifact_word.parse().map_err(ArtifactError::Name)?;
        let wish = NameWish {
            version: self.version,
            image_label,
            extent: self.extent,
            number: request.number,
            existing: request.existing,
        };
        let folder = ArtifactFolder::open(&request.folder).map_err(ArtifactError::Io)?;
        Ok(folder.begin(&wish, &context.cancel).await?)
    }

    /// Obtains the source: that can fail before any machine is made.
    pub(crate) async fn obtain(&self, context: &Context) -> Result<ObtainedInputs, Failure> {
        let profile_data = profile_data::given(self.profile_data.clone(), self.profile).await?;
        let settings = SourceSettings::from_env();
        let Context { store, events, cancel } = context;
        let source = fetch_source(&self.source, store, &settings, events, cancel).await?;
        let vouched = verify_source(&self.source, &source, self.signature, store, &settings, events, cancel).await?;
        Ok(ObtainedInputs { source, vouched, profile_data })
    }

    /// Decides about the machines.
    pub(crate) async fn machines(&self, context: &Context) -> Result<MachineSetup, Failure> {
        MachineSetup::of_image(context, self.image.clone(), &self.machine).await
    }

    /// Parallel compiler processes in a machine of this setup.
    pub(crate) fn jobs(&self, wanted: u32, setup: &MachineSetup) -> u32 {
        jobs_in_memory(self.version, wanted, setup.memory_mib())
    }

    /// Warns of what the user may not want.
    pub(crate) fn warn_about(&self, context: &Context, setup: &MachineSetup) {
        if self.profile == Profile::Release && setup.is_emulated() {
            context.events.warn(
                Part::Build,
                "profile release under software emulation takes hours; the sandbox runs at native speed: --backend sandbox",
            );
        }
    }
}

impl ObtainedInputs {
    /// Puts the source's signatures and bill of materials among the logs, where they can be verified again.
    pub(crate) fn keep_evidence(&self, staging: &StagingFolder) -> Result<(), ArtifactError> {
        for file in &self.vouched.files {
            let name = file.file_name().unwrap_or_default();
            fs_err::copy(file, staging.log("source").with_file_name(name))?;
        }
        Ok(())
    }
}

/// The name that an artifact is to have, and its folder.
#[derive(Debug)]
pub(crate) struct ArtifactRequest {
    pub(crate) folder: PathBuf,
    pub(crate) number: Option<BuildNumber>,
    pub(crate) existing: ExistingArtifact,
}
