//! The whole of a build, in the order the user sees it.

use super::attestations::AttestationWriter;
use super::compile::{BuildContext, Compiled};
use super::effect::EmulatedTraining;
use super::order::{self, ResolvedRequest};
use super::plan::Planned;
use super::profile_data::{self, Used};
use super::reuse;
use crate::cli::BuildArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::commands::validate::{self, Candidate};
use jiff::Timestamp;
use std::time::Instant;
use vmbuild_artifact::{ArtifactError, Placed, Staging};
use vmbuild_core::event::{EventKind, Part, Published, Shown, StageTime};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::write_atomically;
use vmbuild_cpython::{Attestations, Beside, BuildOrigin, BuildRecord, Profile, Schema};
use vmbuild_image::GoldenRole;
use vmbuild_job::MachineSetup;
use vmbuild_machine::MachineName;
use vmbuild_protocol::Check;

/// Builds, validates and publishes one CPython.
pub(crate) async fn build(context: &CommandContext, args: BuildArgs) -> Result<CommandExit, Failure> {
    let (since, began) = (Instant::now(), Timestamp::now());
    context.tidy_up().await?;
    let staging = order::reserve(context, &args).await?;
    let order = ResolvedRequest::accept(context, args.wanted).await?;
    let setup = MachineSetup::decide(context, &order.machine.request()).await?;
    order.warn_about(context, &setup);
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let trained = Planned::new(&order, &golden)?;
    let used = profile_data::choose(context, &order, &staging, &trained, args.train).await?;
    let planned = profile_data::planned_with(&trained, used.as_ref())?;
    if args.print_plan {
        return planned.print(context);
    }
    let trains = order.profile == Profile::Release && used.is_none();
    if trains && setup.is_emulated() && !args.allow_emulated_pgo {
        return Err(EmulatedTraining.into());
    }
    context.events.note(Part::Build, format!("plan {}", planned.sha256));

    let (jobs, profile) = (args.options.jobs, used.as_ref());
    let build =
        BuildContext { context, order: &order, setup: &setup, golden: &golden, staging: &staging, jobs, profile };
    let compiled = match make(build, &planned, args.no_cache).await {
        Ok(compiled) => compiled,
        Err(failure) => return Err(keep_logs(context, staging, failure)),
    };
    let validating = Instant::now();
    let checks = match validate_it(context, &setup, args.lenient, &staging).await {
        Ok(checks) => checks,
        Err(failure) => return Err(keep_logs(context, staging, failure)),
    };
    let validated = validating.elapsed().as_secs_f64();

    let passed = validate::passed(&checks);
    context.events.emit(EventKind::Validated { artifact: staging.name().to_string(), checks, shown: Shown::AsNews });
    if !passed {
        let kept = staging.fail(&job())?;
        let text = format!("not published; the tarball and its logs are in {}", kept.display());
        context.events.warn(Part::Validate, text);
        if compiled.origin == BuildOrigin::Cache {
            context.events.note(Part::Validate, "it was compiled by an earlier build: --no-cache compiles it again");
        }
        return Ok(Exit::Job.into());
    }
    context.check_cancelled()?;
    reuse::keep(context, &staging, &compiled).await;
    profile_data::keep(context, compiled.used.as_ref()).await;
    order.keep_evidence(&staging)?;
    let writer =
        AttestationWriter { staging: &staging, order: &order, golden: &golden, compiled: &compiled, since: began };
    let attestations = writer.write()?;
    write_record(&staging, &order, &compiled, attestations, validated)?;
    let placed = staging.publish(compiled.sha256, &context.cancel).await?;
    context.events.emit(EventKind::Published(summary(placed, compiled, validated, since)));
    Ok(Exit::Success.into())
}

/// The tarball: taken from an earlier build of the plan, or compiled.
async fn make(build: BuildContext<'_>, planned: &Planned, no_cache: bool) -> Result<Compiled, Failure> {
    if !no_cache && let Some(kept) = reuse::reuse(build.context, build.staging, planned, build.profile).await? {
        return Ok(kept);
    }
    build.compile(planned).await
}

fn write_record(
    staging: &Staging,
    order: &ResolvedRequest,
    compiled: &Compiled,
    attestations: Option<Attestations>,
    validated: f64,
) -> Result<(), ArtifactError> {
    let record = BuildRecord {
        schema: Schema,
        artifact: staging.name().clone(),
        build: staging.name().build,
        sha256: compiled.sha256,
        bytes: compiled.bytes,
        debug_info: compiled.debug_info.map(|made| Beside { sha256: made.sha256, bytes: made.bytes }),
        origin: compiled.origin,
        source: Some(order.vouched.evidence.clone()),
        profile_data: compiled.used.as_ref().map(Used::record),
        measured: compiled.measured.clone(),
        attestations,
        validation_seconds: (validated * 10.0).round() / 10.0,
        info: compiled.info.clone(),
    };
    Ok(write_atomically(&staging.record(), record.to_json().as_bytes())?)
}

async fn validate_it(
    context: &CommandContext,
    setup: &MachineSetup,
    lenient: bool,
    staging: &Staging,
) -> Result<Vec<Check>, Failure> {
    context.check_cancelled()?;
    let candidate = Candidate { artifact: staging.tarball(), name: staging.name().clone(), lenient };
    let checks = validate::in_clean_machine(context, setup, &candidate).await?;
    let report = validate::report(staging.name(), &checks);
    let path = staging.log("validation").with_extension("json");
    write_atomically(&path, report.as_bytes()).map_err(ArtifactError::Io)?;
    Ok(checks)
}

/// A word for one failed attempt, so that two of the same name do not share a folder.
fn job() -> String {
    MachineName::for_job().to_string().trim_start_matches("job-").to_owned()
}

/// What a failed build said is kept; an interrupted one has nothing to explain.
pub(super) fn keep_logs(context: &CommandContext, staging: Staging, failure: Failure) -> Failure {
    if failure.exit() == Exit::Interrupted {
        return failure;
    }
    match staging.fail(&job()) {
        Ok(kept) => context.events.note(Part::Build, format!("logs are in {}", kept.display())),
        Err(error) => context.events.warn(Part::Build, format!("the logs could not be kept: {error}")),
    }
    failure
}

fn summary(placed: Placed, compiled: Compiled, validated: f64, since: Instant) -> Published {
    let mut stages = compiled.stages;
    stages.push(StageTime { stage: "validate".to_owned(), seconds: validated });
    Published {
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
