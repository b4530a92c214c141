//! `vmbuild reproduce`: an artifact is built again from the plan in it, in fresh machines, and compared.

use super::compile::{BuildContext, Compiled};
use super::effect::EmulatedTraining;
use super::order::ResolvedRequest;
use super::plan::{Planned, changes};
use super::profile_data;
use super::verb::keep_logs;
use crate::cli::{BuildInputArgs, MachineOptions, ProfileOption, ReproduceArgs};
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, Cell};
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_artifact::{
    ArtifactError, ArtifactFolder, Difference, ExistingArtifact, NameWish, Staging, Surroundings, differences,
};
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::StoreError;
use vmbuild_cpython::{ArtifactName, BuildInfo, BuildRecord, Extent, Profile, layout};
use vmbuild_image::GoldenRole;
use vmbuild_job::MachineSetup;

/// A `.build-info` is not longer than this.
const LONGEST_INFO: u64 = 1 << 20;

/// The artifact does not say how it is made.
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
        vec!["only what this vmbuild or a newer one built carries its plan".to_owned()]
    }
}

/// What came of it.
#[derive(Debug)]
struct Comparison {
    name: ArtifactName,
    was: Sha256,
    is: Sha256,
    plan_changes: Vec<String>,
    differences: Vec<Difference>,
}

/// Builds again, compares, and prints what differs.
pub(crate) async fn reproduce(context: &CommandContext, args: ReproduceArgs) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    let artifact = std::path::absolute(&args.artifact).map_err(ArtifactError::Io)?;
    let file_name = artifact.file_name().unwrap_or_default().to_string_lossy();
    let name: ArtifactName = file_name.parse().map_err(ArtifactError::Name)?;
    let info = read_info(&artifact, &name)?;
    let work = tempfile::Builder::new().prefix("reproduce-").tempdir_in(context.store.cache());
    let work = work.map_err(StoreError::Io)?;
    let staging = stage(context, args.keep.as_deref().unwrap_or(work.path()), &name).await?;
    let (compiled, plan_changes) = match Box::pin(build_again(context, &args, &artifact, &info, &staging)).await {
        Ok(built) => built,
        Err(failure) if args.keep.is_some() => return Err(keep_logs(context, staging, failure)),
        Err(failure) => return Err(failure),
    };
    let comparison = compare(&artifact, &staging, &info, &compiled, plan_changes).await?;
    let same = comparison.was == comparison.is;
    if let Some(folder) = args.keep.filter(|_| !same) {
        keep(context, &staging, &folder)?;
    }
    report::to_stdout(&shown(context, &comparison))?;
    Ok(if same { Exit::Success } else { Exit::Job }.into())
}

/// The `.build-info` of an artifact, if it is whole.
pub(in crate::commands) fn read_info(artifact: &Path, name: &ArtifactName) -> Result<BuildInfo, Failure> {
    let path = format!("{}/{}", layout::entry_prefix(&name.version), layout::BUILD_INFO);
    let no_plan = |why: String| NoPlan { artifact: name.to_string(), why };
    let mut read = vmbuild_archive::read_files(artifact, |entry| entry == path, LONGEST_INFO)
        .map_err(|error| ArtifactError::Io(std::io::Error::other(error)))?;
    let bytes = read.remove(&path).ok_or_else(|| no_plan(format!("there is no {path} in it")))?;
    let info = BuildInfo::from_json(&String::from_utf8_lossy(&bytes)).map_err(|error| no_plan(error.to_string()))?;
    if Planned::of(info.plan.clone()).sha256 != info.plan_sha256 {
        return Err(no_plan("its plan is not the one that its digest names".to_owned()).into());
    }
    Ok(info)
}

/// A place out of the way, under the artifact's own name.
async fn stage(context: &CommandContext, folder: &Path, name: &ArtifactName) -> Result<Staging, Failure> {
    let wish = NameWish {
        version: name.version,
        image_word: name.image_word.clone(),
        extent: name.extent,
        number: Some(name.build),
        existing: ExistingArtifact::Keep,
    };
    let folder = ArtifactFolder::open(folder).map_err(ArtifactError::Io)?;
    Ok(folder.begin(&wish, &context.cancel).await?)
}

async fn build_again(
    context: &CommandContext,
    args: &ReproduceArgs,
    artifact: &Path,
    info: &BuildInfo,
    staging: &Staging,
) -> Result<(Compiled, Vec<String>), Failure> {
    let used = profile_data::of_artifact(context, args.profile_data.as_deref(), artifact, info).await?;
    let order = ResolvedRequest::accept(context, wanted(args, info)).await?;
    let setup = MachineSetup::decide(context, &order.machine.request()).await?;
    if is_trained(info) && setup.is_emulated() && !args.allow_emulated_pgo {
        return Err(EmulatedTraining.into());
    }
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let planned = profile_data::planned_with(&Planned::new(&order, &golden)?, used.as_ref())?;
    let changes = changes(&info.plan, &planned.plan);
    for change in &changes {
        context.events.warn(Part::Build, format!("the plan of today differs in {change}"));
    }
    let profile = used.as_ref();
    let build = BuildContext { context, order: &order, setup: &setup, golden: &golden, staging, jobs: None, profile };
    Ok((build.compile(&planned).await?, changes))
}

fn wanted(args: &ReproduceArgs, info: &BuildInfo) -> BuildInputArgs {
    let (image, backend, accel) = (info.plan.image.clone(), args.backend, args.accel);
    BuildInputArgs {
        version: info.plan.version,
        flavour: Vec::new(),
        machine: MachineOptions { image, backend, accel, cpus: None, memory: None, locked: false },
        compiled: ProfileOption { profile: Some(info.plan.profile) },
        slim: info.plan.extent == Extent::Slim,
        source: args.source.clone(),
        source_sha256: Some(info.plan.source_sha256),
        require_signature: false,
        profile_data: None,
    }
}

/// Whether training was a part of making it, and not its input.
fn is_trained(info: &BuildInfo) -> bool {
    info.plan.profile == Profile::Release && info.plan.profile_data_sha256.is_none()
}

async fn compare(
    artifact: &Path,
    staging: &Staging,
    info: &BuildInfo,
    compiled: &Compiled,
    plan_changes: Vec<String>,
) -> Result<Comparison, Failure> {
    let around = Surroundings { machines: machines(artifact, compiled), trained: is_trained(info) };
    let (was, is) = (artifact.to_owned(), staging.tarball());
    let compared = tokio::task::spawn_blocking(move || {
        let (_, sha256) = vmbuild_archive::sha256_file(&was).map_err(std::io::Error::other)?;
        let found = differences(&was, &is, &around).map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((Sha256::from(sha256), found))
    });
    let compared = compared.await.map_err(std::io::Error::other).and_then(|compared| compared);
    let (was, differences) = compared.map_err(ArtifactError::Io)?;
    Ok(Comparison { name: staging.name().clone(), was, is: compiled.sha256, plan_changes, differences })
}

/// What names the two machines, as far as the artifact's record is still beside it.
fn machines(artifact: &Path, compiled: &Compiled) -> Vec<String> {
    let beside = PathBuf::from(format!("{}.build.json", artifact.display()));
    let record = fs_err::read_to_string(beside).ok().and_then(|text| BuildRecord::from_json(&text).ok());
    let measured = record.iter().map(|record| &record.measured).chain([&compiled.measured]);
    measured.flat_map(|measured| [measured.kernel.clone(), measured.cpu_model.clone()]).collect()
}

fn keep(context: &CommandContext, staging: &Staging, folder: &Path) -> Result<(), Failure> {
    let to = folder.join(staging.name().to_string());
    let copied = fs_err::create_dir_all(folder).and_then(|()| fs_err::copy(staging.tarball(), &to));
    copied.map_err(ArtifactError::Io)?;
    context.events.note(Part::Build, format!("what was built is kept as {}", to.display()));
    Ok(())
}

fn shown(context: &CommandContext, comparison: &Comparison) -> String {
    let same = comparison.was == comparison.is;
    if context.json {
        let document = serde_json::json!({
            "schema": 1,
            "artifact": comparison.name.to_string(),
            "reproduced": same,
            "sha256": { "was": comparison.was, "is": comparison.is },
            "plan_changes": comparison.plan_changes,
            "differences": comparison.differences,
        });
        return format!("{document}\n");
    }
    if same {
        return format!("{} reproduced: sha256 {}\n", comparison.name, comparison.is);
    }
    let head = ["FILE", "DIFFERS IN", "LIKELY CAUSE"].map(Cell::from).to_vec();
    let rows = comparison.differences.iter().map(|difference| {
        let cause = difference.cause.map_or_else(|| "unknown".to_owned(), |cause| cause.to_string());
        [difference.path.clone(), difference.what.to_string(), cause].map(Cell::from).to_vec()
    });
    let table = report::columns(&std::iter::once(head).chain(rows).collect::<Vec<Vec<Cell>>>());
    let count = comparison.differences.len();
    format!("{table}{count} entries differ: sha256 was {}, is {}\n", comparison.was, comparison.is)
}
