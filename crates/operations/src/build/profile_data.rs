//! A training's counts: those that a release build takes instead of training, and those that it publishes.
//!
//! The order: the file the user named; one published beside an earlier artifact of the same inputs; one that the store
//! keeps of an earlier training. With none of them, or with `--train`, the build trains, and what it counted is
//! published. From there on it does what a build with these counts does, and has the same plan.

use super::cpython_job::{CpythonBuild, WORK};
use super::request::{ObtainedInputs, ResolvedRequest};
use crate::plan::PlannedBuild;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, ProfileData, ProfileDataError, ProfileStore, StagingFolder};
use vmbuild_core::blocking;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_core::store::write_atomically;
use vmbuild_cpython::{
    BuildInfo, Profile, ProfileCoverage, ProfileDataInfo, ProfileDataPlace, ProfileOrigin, Recipe, Schema,
    TrainingRecord, UsedProfile, layout, profile_data,
};
use vmbuild_job::JobGuest;
use vmbuild_protocol::Pack;

/// A profile that a build is optimised by.
#[derive(Debug, Clone)]
pub(crate) struct UsedProfileData {
    data: ProfileData,
    from: ProfileOrigin,
    /// Test files and seconds, if this build trained.
    trained: Option<(u64, Duration)>,
}

impl UsedProfileData {
    fn found(data: ProfileData, from: ProfileOrigin) -> Self {
        Self { data, from, trained: None }
    }

    /// As the build's record says it.
    pub(super) fn record(&self) -> UsedProfile {
        UsedProfile {
            sha256: self.data.sha256,
            from: self.from,
            files: self.data.files,
            training_plan_sha256: self.data.about.training_plan_sha256,
            training: self.training(),
        }
    }

    /// The training, by this build or as the profile says it.
    fn training(&self) -> Option<TrainingRecord> {
        let seconds = self.trained.map(|(_, time)| (time.as_secs_f64() * 10.0).round() / 10.0);
        let tests = self.data.about.tests?;
        Some(TrainingRecord { tests, failed: 0, seconds, emulated: self.data.about.emulated })
    }

    /// Coverage according to the counts.
    pub(super) fn coverage(&self) -> Option<ProfileCoverage> {
        self.data.coverage
    }
}

/// The profile that the user named, read to its end.
pub(super) async fn given(file: Option<PathBuf>, profile: Profile) -> Result<Option<ProfileData>, Failure> {
    let Some(file) = file else { return Ok(None) };
    if profile != Profile::Release {
        return Err(ProfileDataError::NoUse.into());
    }
    Ok(Some(blocking(move || ProfileData::read(&file)).await?))
}

/// The profile to use, if any; a copy of it is in the staging folder, to be published again.
pub(super) async fn choose(
    context: &Context,
    request: &ResolvedRequest,
    inputs: &ObtainedInputs,
    staging: &StagingFolder,
    trained: &PlannedBuild,
    train: bool,
) -> Result<Option<UsedProfileData>, Failure> {
    let found = match &inputs.profile_data {
        _ if request.profile != Profile::Release || train => None,
        Some(data) => Some(UsedProfileData::found(data.clone(), ProfileOrigin::Given)),
        None => find(context, staging, trained.sha256).await?,
    };
    let Some(UsedProfileData { data, from, .. }) = found else { return Ok(None) };
    data.check_fits(&trained.plan)?;
    if from != ProfileOrigin::Given {
        let text =
            format!("no training: the same inputs were trained before, {}; --train trains anew", data.path.display());
        context.events.note(Part::Build, text);
    } else if data.about.training_plan_sha256 != trained.sha256 {
        context
            .events
            .warn(Part::Build, "the profile is of another image or recipe and does not apply where the code differs");
    }
    let to = staging.profile_data();
    fs_err::copy(&data.path, &to).map_err(ArtifactError::Io)?;
    Ok(Some(UsedProfileData::found(ProfileData { path: to, ..data }, from)))
}

async fn find(
    context: &Context,
    staging: &StagingFolder,
    training: Sha256,
) -> Result<Option<UsedProfileData>, Failure> {
    let published = staging.published_profile_data().map_err(ArtifactError::Io)?;
    let store = ProfileStore::of(&context.store);
    let found = blocking(move || {
        // What cannot be read is nobody's profile: it was not asked for.
        let mut readable = published.iter().filter_map(|path| ProfileData::read(path).ok());
        let published = readable.find(|data| data.about.training_plan_sha256 == training);
        let used = |from| move |data| UsedProfileData::found(data, from);
        published.map(used(ProfileOrigin::Published)).or_else(|| store.find(training).map(used(ProfileOrigin::Kept)))
    });
    Ok(found.await)
}

/// The profile that an artifact's plan names: the given file, the one published beside it, or one that the store has.
pub(crate) async fn of_artifact(
    context: &Context,
    given: Option<&Path>,
    artifact: &Path,
    info: &BuildInfo,
) -> Result<Option<UsedProfileData>, Failure> {
    let Some(expected) = info.plan.profile_data_sha256 else { return Ok(None) };
    let stem = artifact.to_string_lossy().trim_end_matches(".tgz").to_owned();
    let beside = Some(PathBuf::from(format!("{stem}{}", layout::PROFILE_DATA))).filter(|path| path.is_file());
    let named = given.map(Path::to_owned).or(beside);
    let (store, from) = (ProfileStore::of(&context.store), origin(given));
    let data = blocking(move || match named {
        Some(path) => ProfileData::read(&path),
        None => store.with_digest(expected).ok_or(ProfileDataError::Missing(expected)),
    });
    let data = data.await?;
    if data.sha256 != expected {
        return Err(ProfileDataError::Mismatch { path: data.path, expected, got: data.sha256 }.into());
    }
    Ok(Some(UsedProfileData::found(data, from)))
}

fn origin(given: Option<&Path>) -> ProfileOrigin {
    given.map_or(ProfileOrigin::Published, |_| ProfileOrigin::Given)
}

/// The plan of a build that uses these counts, whether they were found or have just been made.
pub(crate) fn planned_with(trained: &PlannedBuild, used: Option<&UsedProfileData>) -> Result<PlannedBuild, Failure> {
    match used {
        Some(used) if trained.plan.profile_data_sha256 != Some(used.data.sha256) => {
            trained.with_profile_data(&used.data)
        }
        _ => Ok(trained.clone()),
    }
}

/// Brings the counts to where the recipe expects them.
pub(super) async fn send(build: CpythonBuild<'_>, guest: JobGuest<'_>, recipe: &Recipe) -> Result<(), Failure> {
    let (Some(ProfileDataPlace::ExpectedAt(to)), Some(used)) = (&recipe.counts, build.profile) else { return Ok(()) };
    let folder = tempfile::Builder::new().prefix("profile-").tempdir_in(build.context.store.cache());
    let plain = folder.as_ref().map_err(|error| std::io::Error::other(error.to_string()));
    let plain = plain.map_err(ArtifactError::Io)?.path().join("profile.tar");
    let (data, into) = (used.data.clone(), plain.clone());
    blocking(move || data.decompress(&into)).await?;
    guest.session.put_file(&plain, to, 0o644, &build.context.cancel, |_| ()).await?;
    Ok(())
}

/// The counts of this build: those it was given, or those that its training left, as they are published.
pub(super) async fn publish(
    build: CpythonBuild<'_>,
    guest: JobGuest<'_>,
    recipe: &Recipe,
    planned: &PlannedBuild,
    trained: Option<(u64, Duration)>,
) -> Result<Option<UsedProfileData>, Failure> {
    let Some(ProfileDataPlace::WrittenTo(folder)) = &recipe.counts else { return Ok(build.profile.cloned()) };
    let phase = build.context.events.phase(Part::Pack, "profile", "");
    let cancel = &build.context.cancel;
    let about = ProfileDataInfo {
        schema: Schema,
        version: planned.plan.version,
        source_sha256: planned.plan.source_sha256,
        arch: planned.plan.arch.clone(),
        training_plan_sha256: planned.sha256,
        tests: trained.map(|(tests, _)| tests),
        emulated: build.setup.is_emulated(),
    };
    let local = build.staging.log("profile").with_extension("json");
    write_atomically(&local, about.to_json().as_bytes()).map_err(ArtifactError::Io)?;
    guest.session.put_file(&local, &format!("{folder}/{}", profile_data::ABOUT), 0o644, cancel, |_| ()).await?;
    let packed = format!("{WORK}/profile.tgz");
    let request = Pack { root: folder.clone(), to: packed.clone(), mtime: layout::MTIME };
    guest.session.pack(request, cancel).await?;
    let (fetched, to) = (build.staging.profile_data().with_extension("tgz"), build.staging.profile_data());
    guest.session.get_file(&packed, &fetched, cancel, |_| ()).await?;
    let data = blocking(move || {
        let data = ProfileData::publish(&fetched, &to);
        // It is in nobody's way: the staging folder is removed with it.
        let _ = fs_err::remove_file(&fetched);
        data
    });
    let data = data.await?;
    phase.finish(format!("{} files of counts, {}", data.files, size(length(&data.path))));
    Ok(Some(UsedProfileData { data, from: ProfileOrigin::Trained, trained }))
}

fn length(path: &Path) -> u64 {
    fs_err::metadata(path).map_or(0, |about| about.len())
}

/// Keeps what a training left for the next build of the same inputs.
pub(super) async fn keep(context: &Context, used: Option<&UsedProfileData>) {
    let Some(UsedProfileData { data, from: ProfileOrigin::Trained, .. }) = used else { return };
    let (store, data) = (ProfileStore::of(&context.store), data.clone());
    let kept = blocking(move || store.keep(&data)).await;
    if let Err(error) = kept {
        // It is published all the same.
        context.events.warn(Part::Build, format!("failed to keep the profile for the next build: {error}"));
    }
}
