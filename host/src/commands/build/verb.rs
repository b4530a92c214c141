//! The whole of a build, in the order the user sees it.

use super::compile::{Compiled, Workshop};
use super::order::Order;
use crate::artifact::{ArtifactError, Placed, Staging};
use crate::cli::Build;
use crate::commands::context::Context;
use crate::commands::machines::Setup;
use crate::commands::program::Ending;
use crate::commands::validate::{self, Candidate};
use crate::event::{Kind, Part, Published, Shown, StageTime};
use crate::failure::{Exit, Failure};
use crate::image::Role;
use crate::machine::MachineName;
use crate::store::write_atomically;
use std::time::Instant;
use vmbuild_protocol::Check;

/// Builds, validates and publishes one CPython.
pub(crate) async fn build(context: &Context, args: Build) -> Result<Ending, Failure> {
    let since = Instant::now();
    context.tidy_up().await?;
    let (order, staging) = Order::accept(context, args).await?;
    let setup = Setup::decide(context, &order.machine).await?;
    order.warn_about(context, &setup);
    let golden = setup.golden(context, Role::Build).await?;

    let workshop = Workshop { context, order: &order, setup: &setup, golden: &golden, staging: &staging };
    let compiled = match workshop.compile().await {
        Ok(compiled) => compiled,
        Err(failure) => return Err(keep_logs(context, staging, failure)),
    };
    let validating = Instant::now();
    let checks = match validate_it(context, &setup, &order, &staging).await {
        Ok(checks) => checks,
        Err(failure) => return Err(keep_logs(context, staging, failure)),
    };
    let validated = validating.elapsed().as_secs_f64();

    let passed = validate::passed(&checks);
    context.events.emit(Kind::Validated { artifact: staging.name().to_string(), checks, shown: Shown::AsNews });
    if !passed {
        let kept = staging.fail(&job())?;
        let text = format!("not published; the tarball and its logs are in {}", kept.display());
        context.events.warn(Part::Validate, text);
        return Ok(Exit::Job.into());
    }
    context.go_on()?;
    let placed = staging.publish(compiled.digest, &context.cancel).await?;
    context.events.emit(Kind::Published(summary(placed, compiled, validated, since)));
    Ok(Exit::Success.into())
}

async fn validate_it(
    context: &Context,
    setup: &Setup,
    order: &Order,
    staging: &Staging,
) -> Result<Vec<Check>, Failure> {
    context.go_on()?;
    let candidate = Candidate { artifact: staging.tarball(), name: staging.name().clone(), lenient: order.lenient };
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
fn keep_logs(context: &Context, staging: Staging, failure: Failure) -> Failure {
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
        sha256: placed.sha256.to_string(),
        bytes: placed.bytes,
        plan: compiled.plan.to_string(),
        logs: placed.logs,
        stages,
        seconds: since.elapsed().as_secs_f64(),
    }
}
