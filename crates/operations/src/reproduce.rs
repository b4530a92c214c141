//! `reproduce`: builds an artifact again from the plan in it, in fresh machines, and compares.

use crate::artifact_file::ArtifactFile;
use crate::build::{
    BuildInputs, CompiledArtifact, CpythonBuild, EmulatedTraining, ResolvedRequest, keep_logs, planned_with,
    profile_of_artifact,
};
use crate::plan::{PlannedBuild, changes};
use crate::sweep;
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_artifact::{
    ArtifactError, ArtifactFolder, BuildSurroundings, Difference, ExistingArtifact, NameWish, StagingFolder,
    differences,
};
use vmbuild_core::blocking;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::StoreError;
use vmbuild_cpython::{ArtifactName, BuildInfo, BuildRecord, Profile, layout};
use vmbuild_image::GoldenRole;
use vmbuild_job::{MachineRequest, VagrantRequest};
use vmbuild_machine::{Accelerator, BackendChoice};
use vmbuild_source::{FileOrUrl, SignaturePolicy};

/// Largest `.build-info`, in bytes.
const LONGEST_INFO: u64 = 1 << 20;

/// The artifact has no usable plan.
#[derive(Debug, thiserror::Error)]
#[error("{artifact} does not say how it was built: {why}")]
struct NoPlan {
    artifact: String,
    why: String,
}

impl Diagnose for NoPlan {
    fn exit(&self) -> Exit {
        Exit::Integrity
    }

    fn hints(&self) -> Vec<String> {
        vec!["artifacts of older versions do not carry their plan".to_owned()]
    }
}

/// A request to build an artifact again.
#[derive(Debug, Clone)]
pub struct ReproduceRequest {
    /// The tarball.
    pub artifact: PathBuf,
    /// Backend of the machines.
    pub backend: BackendChoice,
    /// Accelerator to use without probing it first.
    pub accelerator: Option<Accelerator>,
    /// Options of Vagrant machines.
    pub vagrant: VagrantRequest,
    /// Place of the source; the default is to look for it.
    pub source: Option<FileOrUrl>,
    /// The profile that the artifact was optimised by; the default is the one published with it.
    pub profile_data: Option<PathBuf>,
    /// If true, train on an emulated processor.
    pub allow_emulated_training: bool,
    /// Folder for a tarball that differs, or for the logs of a build that fails.
    pub keep: Option<PathBuf>,
}

/// An artifact and its second build, compared.
#[derive(Debug)]
pub struct ReproduceComparison {
    /// The artifact's name.
    pub name: ArtifactName,
    /// Digest of the artifact.
    pub was: Sha256,
    /// Digest of the second build.
    pub is: Sha256,
    /// Fields in which the plans differ.
    pub plan_changes: Vec<String>,
    /// Entries that differ.
    pub differences: Vec<Difference>,
}

impl ReproduceComparison {
    /// True if both are the same bytes.
    pub fn is_reproduced(&self) -> bool {
        self.was == self.is
    }
}

/// Builds an artifact again and compares.
pub async fn reproduce(context: &Context, request: ReproduceRequest) -> Result<ReproduceComparison, Failure> {
    sweep(context).await?;
    let artifact = ArtifactFile::at(&request.artifact)?;
    let info = read_info(&artifact.path, &artifact.name)?;
    let work = tempfile::Builder::new().prefix("reproduce-").tempdir_in(context.store.cache());
    let work = work.map_err(StoreError::Io)?;
    let staging = stage(context, request.keep.as_deref().unwrap_or(work.path()), &artifact.name).await?;
    let (compiled, plan_changes) = match Box::pin(build_again(context, &request, &artifact.path, &info, &staging)).await
    {
        Ok(built) => built,
        Err(failure) if request.keep.is_some() => return Err(keep_logs(context, staging, failure)),
        Err(failure) => return Err(failure),
    };
    let comparison = compare(&artifact.path, &staging, &info, &compiled, plan_changes).await?;
    if let Some(folder) = request.keep.filter(|_| !comparison.is_reproduced()) {
        keep(context, &staging, &folder)?;
    }
    Ok(comparison)
}

/// Reads the `.build-info` of an artifact.
pub(crate) fn read_info(artifact: &Path, name: &ArtifactName) -> Result<BuildInfo, Failure> {
    let path = format!("{}/{}", layout::entry_prefix(&name.version), layout::BUILD_INFO);
    let no_plan = |why: String| NoPlan { artifact: name.to_string(), why };
    let mut read = vmbuild_archive::read_files(artifact, |entry| entry == path, LONGEST_INFO)
        .map_err(|error| ArtifactError::Io(std::io::Error::other(error)))?;
    let bytes = read.remove(&path).ok_or_else(|| no_plan(format!("there is no {path} in it")))?;
    let info = BuildInfo::from_json(&String::from_utf8_lossy(&bytes)).map_err(|error| no_plan(error.to_string()))?;
    if PlannedBuild::of(info.plan.clone()).sha256 != info.plan_sha256 {
        return Err(no_plan("its plan is not the one that its digest names".to_owned()).into());
    }
    Ok(info)
}

/// A staging folder out of the way, under the artifact's own name.
async fn stage(context: &Context, folder: &Path, name: &ArtifactName) -> Result<StagingFolder, Failure> {
    let wish = NameWish {
        version: name.version,
        image_label: name.image_label.clone(),
        extent: name.extent,
        number: Some(name.build),
        existing: ExistingArtifact::Keep,
    };
    let folder = ArtifactFolder::open(folder).map_err(ArtifactError::Io)?;
    Ok(folder.begin(&wish, &context.cancel).await?)
}

async fn build_again(
    context: &Context,
    request: &ReproduceRequest,
    artifact: &Path,
    info: &BuildInfo,
    staging: &StagingFolder,
) -> Result<(CompiledArtifact, Vec<String>), Failure> {
    let used = profile_of_artifact(context, request.profile_data.as_deref(), artifact, info).await?;
    let resolved = ResolvedRequest::resolve(context, inputs(request, info))?;
    let obtained = resolved.obtain(context).await?;
    let setup = resolved.machines(context).await?;
    if is_trained(info) && setup.is_emulated() && !request.allow_emulated_training {
        return Err(EmulatedTraining.into());
    }
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let planned = planned_with(&PlannedBuild::new(&resolved, &obtained, &golden)?, used.as_ref())?;
    let changes = changes(&info.plan, &planned.plan);
    for change in &changes {
        context.events.warn(Part::Build, format!("today's plan differs in {change}"));
    }
    let (request, inputs, profile) = (&resolved, &obtained, used.as_ref());
    let build = CpythonBuild { context, request, inputs, setup: &setup, golden: &golden, staging, jobs: None, profile };
    Ok((build.compile(&planned).await?, changes))
}

fn inputs(request: &ReproduceRequest, info: &BuildInfo) -> BuildInputs {
    let machine = MachineRequest {
        image: info.plan.image.clone(),
        locked: false,
        backend: request.backend,
        accelerator: request.accelerator,
        cpus: None,
        memory_mib: None,
        vagrant: request.vagrant.clone(),
    };
    BuildInputs {
        version: info.plan.version,
        flavours: Vec::new(),
        machine,
        profile: Some(info.plan.profile),
        extent: info.plan.extent,
        source: request.source.clone(),
        source_sha256: Some(info.plan.source_sha256),
        signature: SignaturePolicy::IfAvailable,
        profile_data: None,
    }
}

/// Training was a part of the build, and its counts were not an input.
fn is_trained(info: &BuildInfo) -> bool {
    info.plan.profile == Profile::Release && info.plan.profile_data_sha256.is_none()
}

async fn compare(
    artifact: &Path,
    staging: &StagingFolder,
    info: &BuildInfo,
    compiled: &CompiledArtifact,
    plan_changes: Vec<String>,
) -> Result<ReproduceComparison, Failure> {
    let around = BuildSurroundings { machines: machines(artifact, compiled), trained: is_trained(info) };
    let (was, is) = (artifact.to_owned(), staging.tarball());
    let compared = blocking(move || {
        let (_, sha256) = vmbuild_archive::sha256_file(&was).map_err(std::io::Error::other)?;
        let found = differences(&was, &is, &around).map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((Sha256::from(sha256), found))
    });
    let (was, differences) = compared.await.map_err(ArtifactError::Io)?;
    Ok(ReproduceComparison { name: staging.name().clone(), was, is: compiled.sha256, plan_changes, differences })
}

/// Names of the two machines; the first is known if the artifact's record is still next to it.
fn machines(artifact: &Path, compiled: &CompiledArtifact) -> Vec<String> {
    let beside = PathBuf::from(format!("{}.build.json", artifact.display()));
    let record = fs_err::read_to_string(beside).ok().and_then(|text| BuildRecord::from_json(&text).ok());
    let measured = record.iter().map(|record| &record.measured).chain([&compiled.measured]);
    measured.flat_map(|measured| [measured.kernel.clone(), measured.cpu_model.clone()]).collect()
}

fn keep(context: &Context, staging: &StagingFolder, folder: &Path) -> Result<(), Failure> {
    let to = folder.join(staging.name().to_string());
    let copied = fs_err::create_dir_all(folder).and_then(|()| fs_err::copy(staging.tarball(), &to));
    copied.map_err(ArtifactError::Io)?;
    context.events.note(Part::Build, format!("kept the new build as {}", to.display()));
    Ok(())
}
