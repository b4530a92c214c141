//! A build, in the order the user sees it.

use super::attestations::AttestationWriter;
use super::cpython_job::{CompiledArtifact, CpythonBuild};
use super::emulated_training::EmulatedTraining;
use super::profile_data::{self, UsedProfileData};
use super::request::{ArtifactRequest, BuildRequest, ObtainedInputs, ResolvedRequest};
use super::reuse;
use crate::plan::{PlanOutcome, PlannedBuild};
use crate::sweep;
use crate::validate::{self, ValidationCandidate};
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Instant;
use vmbuild_artifact::{ArtifactError, PlacedArtifact, StagingFolder};
use vmbuild_core::context::Context;
use vmbuild_core::event::{EventKind, Part, PublishedArtifact, StageTime, TableUse};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::write_atomically;
use vmbuild_cpython::{Attestations, BuildOrigin, BuildRecord, CompanionFile, Profile, Schema};
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_job::MachineSetup;
use vmbuild_machine::MachineName;
use vmbuild_protocol::Check;

/// Outcome of a build that ran to its end.
#[derive(Debug)]
pub enum BuildOutcome {
    /// The artifact is in its place.
    Published(Box<PublishedBuild>),
    /// A check failed; nothing was published.
    Rejected(RejectedBuild),
    /// Only the plan was asked for.
    Planned(Box<PlanOutcome>),
}

/// An artifact in its place.
#[derive(Debug)]
pub struct PublishedBuild {
    /// The artifact, as its event says it.
    pub published: PublishedArtifact,
    /// Verdicts of the checks.
    pub checks: Vec<Check>,
}

/// A tarball that failed a check.
#[derive(Debug)]
pub struct RejectedBuild {
    /// Verdicts of the checks.
    pub checks: Vec<Check>,
    /// Folder with the tarball and its logs.
    pub kept: PathBuf,
}

/// One build under way: its name is reserved.
struct BuildRun<'a> {
    context: &'a Context,
    request: &'a ResolvedRequest,
    inputs: &'a ObtainedInputs,
    setup: &'a MachineSetup,
    golden: &'a Golden,
    staging: StagingFolder,
    since: Instant,
    began: Timestamp,
}

/// How its tarball is made and checked.
struct TarballOptions<'a> {
    jobs: Option<u32>,
    no_cache: bool,
    lenient: bool,
    profile: Option<&'a UsedProfileData>,
}

/// A tarball with the verdicts on it.
struct ValidatedBuild {
    compiled: CompiledArtifact,
    checks: Vec<Check>,
    /// Seconds that the checks took.
    seconds: f64,
}

/// Builds, validates and publishes one CPython.
pub async fn build(context: &Context, request: BuildRequest) -> Result<BuildOutcome, Failure> {
    // Boxed: it is deep, and every caller would carry its size.
    Box::pin(run(context, request)).await
}

async fn run(context: &Context, request: BuildRequest) -> Result<BuildOutcome, Failure> {
    let (since, began) = (Instant::now(), Timestamp::now());
    sweep(context).await?;
    let BuildRequest { inputs, jobs, artifacts, number, existing, lenient, train, no_cache, .. } = request;
    let resolved = ResolvedRequest::resolve(context, inputs)?;
    let staging = resolved.reserve(context, &ArtifactRequest { folder: artifacts, number, existing }).await?;
    let inputs = resolved.obtain(context).await?;
    let setup = resolved.machines(context).await?;
    resolved.warn_about(context, &setup);
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let trained = PlannedBuild::new(&resolved, &inputs, &golden)?;
    let used = profile_data::choose(context, &resolved, &inputs, &staging, &trained, train).await?;
    let planned = profile_data::planned_with(&trained, used.as_ref())?;
    if request.plan_only {
        return Ok(BuildOutcome::Planned(Box::new(planned.into())));
    }
    let trains = resolved.profile == Profile::Release && used.is_none();
    if trains && setup.is_emulated() && !request.allow_emulated_training {
        return Err(EmulatedTraining.into());
    }
    context.events.note(Part::Build, format!("plan {}", planned.sha256));
    let making = TarballOptions { jobs, no_cache, lenient, profile: used.as_ref() };
    let (request, inputs, setup, golden) = (&resolved, &inputs, &setup, &golden);
    let run = BuildRun { context, request, inputs, setup, golden, staging, since, began };
    match run.make(&planned, &making).await {
        Ok(validated) => run.conclude(validated).await,
        Err(failure) => Err(keep_logs(context, run.staging, failure)),
    }
}

impl BuildRun<'_> {
    /// Makes a tarball and has it checked.
    async fn make(&self, planned: &PlannedBuild, making: &TarballOptions<'_>) -> Result<ValidatedBuild, Failure> {
        let compiled = self.tarball(planned, making).await?;
        let validating = Instant::now();
        let checks = self.validate(making.lenient).await?;
        Ok(ValidatedBuild { compiled, checks, seconds: validating.elapsed().as_secs_f64() })
    }

    /// The tarball: taken from an earlier build of the plan, or compiled.
    async fn tarball(&self, planned: &PlannedBuild, making: &TarballOptions<'_>) -> Result<CompiledArtifact, Failure> {
        if !making.no_cache
            && let Some(kept) = reuse::reuse(self.context, &self.staging, planned, making.profile).await?
        {
            return Ok(kept);
        }
        let Self { context, request, inputs, setup, golden, staging, .. } = self;
        let TarballOptions { jobs, profile, .. } = *making;
        CpythonBuild { context, request, inputs, setup, golden, staging, jobs, profile }.compile(planned).await
    }

    async fn validate(&self, lenient: bool) -> Result<Vec<Check>, Failure> {
        self.context.check_cancelled()?;
        let staging = &self.staging;
        let candidate = ValidationCandidate { artifact: staging.tarball(), name: staging.name().clone(), lenient };
        let checks = validate::in_clean_machine(self.context, self.setup, &candidate).await?;
        let report = validate::report(staging.name(), &checks);
        let path = staging.log("validation").with_extension("json");
        write_atomically(&path, report.as_bytes()).map_err(ArtifactError::Io)?;
        Ok(checks)
    }

    /// Publishes a tarball that passed; puts any other aside.
    async fn conclude(self, validated: ValidatedBuild) -> Result<BuildOutcome, Failure> {
        let (artifact, checks) = (self.staging.name().to_string(), validated.checks.clone());
        self.context.events.emit(EventKind::Validated { artifact, checks, shown: TableUse::AsNews });
        if validate::passed(&validated.checks) {
            return self.publish(validated).await;
        }
        let kept = self.staging.fail(&job())?;
        let events = &self.context.events;
        events.warn(Part::Validate, format!("not published; the tarball and its logs are in {}", kept.display()));
        if validated.compiled.origin == BuildOrigin::Cache {
            events.note(Part::Validate, "it was compiled by an earlier build: --no-cache compiles it again");
        }
        Ok(BuildOutcome::Rejected(RejectedBuild { checks: validated.checks, kept }))
    }

    async fn publish(self, validated: ValidatedBuild) -> Result<BuildOutcome, Failure> {
        let Self { context, inputs, golden, staging, since, began, .. } = self;
        let ValidatedBuild { compiled, checks, seconds } = validated;
        context.check_cancelled()?;
        reuse::keep(context, &staging, &compiled).await;
        profile_data::keep(context, compiled.used.as_ref()).await;
        inputs.keep_evidence(&staging)?;
        let source = &inputs.source;
        let writer = AttestationWriter { staging: &staging, source, golden, compiled: &compiled, since: began };
        let attestations = writer.write()?;
        write_record(&staging, inputs, &compiled, attestations, seconds)?;
        let placed = staging.publish(compiled.sha256, &context.cancel).await?;
        let published = summary(placed, compiled, seconds, since);
        context.events.emit(EventKind::Published(published.clone()));
        Ok(BuildOutcome::Published(Box::new(PublishedBuild { published, checks })))
    }
}

fn write_record(
    staging: &StagingFolder,
    inputs: &ObtainedInputs,
    compiled: &CompiledArtifact,
    attestations: Option<Attestations>,
    validated: f64,
) -> Result<(), ArtifactError> {
    let record = BuildRecord {
        schema: Schema,
        artifact: staging.name().clone(),
        build: staging.name().build,
        sha256: compiled.sha256,
        bytes: compiled.bytes,
        debug_info: compiled.debug_info.map(|made| CompanionFile { sha256: made.sha256, bytes: made.bytes }),
        origin: compiled.origin,
        source: Some(inputs.vouched.evidence.clone()),
        profile_data: compiled.used.as_ref().map(UsedProfileData::record),
        measured: compiled.measured.clone(),
        attestations,
        validation_seconds: (validated * 10.0).round() / 10.0,
        info: compiled.info.clone(),
    };
    Ok(write_atomically(&staging.record(), record.to_json().as_bytes())?)
}

/// Suffix for one failed attempt, so that two of the same name do not share a folder.
fn job() -> String {
    MachineName::for_job().to_string().trim_start_matches("job-").to_owned()
}

/// Keeps the logs of a failed build. An interrupted one has nothing to explain.
pub(crate) fn keep_logs(context: &Context, staging: StagingFolder, failure: Failure) -> Failure {
    if failure.exit() == Exit::Interrupted {
        return failure;
    }
    match staging.fail(&job()) {
        Ok(kept) => context.events.note(Part::Build, format!("logs are in {}", kept.display())),
        Err(error) => context.events.warn(Part::Build, format!("failed to keep the logs: {error}")),
    }
    failure
}

fn summary(placed: PlacedArtifact, compiled: CompiledArtifact, validated: f64, since: Instant) -> PublishedArtifact {
    let mut stages = compiled.stages;
    stages.push(StageTime { stage: "validate".to_owned(), seconds: validated });
    PublishedArtifact {
        path: placed.tarball,
        record: placed.record,
        sha256: placed.sha256.to_string(),
        bytes: placed.bytes,
        plan: compiled.info.plan_sha256.to_string(),
        logs: placed.logs,
        stages,
        seconds: since.elapsed().as_secs_f64(),
    }
}
