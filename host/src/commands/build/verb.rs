//! The whole of a build, in the order the user sees it.

use super::compile::{Compiled, Workshop};
use super::order::Order;
use crate::artifact::{Staging, publish};
use crate::cli::Build;
use crate::commands::context::Context;
use crate::commands::machines::Setup;
use crate::commands::program::Ending;
use crate::commands::validate::{self, Candidate};
use crate::event::{Kind, Part, Published, Shown, StageTime};
use crate::failure::{Exit, Failure};
use crate::image::Role;
use crate::machine::sweep;
use std::time::Instant;

/// Builds, validates and publishes one CPython.
pub(crate) async fn build(context: &Context, args: Build) -> Result<Ending, Failure> {
    let since = Instant::now();
    sweep(&context.store, &context.events, &context.cancel).await?;
    let order = Order::accept(context, args).await?;
    let setup = Setup::decide(context, &order.machine).await?;
    setup.announce(context);
    order.warn_about(context, &setup);
    let golden = setup.golden(context, Role::Build).await?;
    let staging = Staging::open(&order.artifacts, &order.name)?;

    let workshop = Workshop { context, order: &order, setup: &setup, golden: &golden, staging: &staging };
    let compiled = match workshop.compile().await {
        Ok(compiled) => compiled,
        Err(failure) => return Err(keep_logs(context, staging, failure)),
    };
    context.go_on()?;

    let candidate = Candidate { artifact: staging.artifact(), name: order.name.clone(), lenient: order.lenient };
    let validating = Instant::now();
    let verdicts = validate::in_clean_machine(context, &setup, &candidate).await?;
    staging.write_report("validation.json", &validate::report(&order.name, &verdicts))?;
    if !validate::passed(&verdicts) {
        context.events.emit(Kind::Validated { artifact: order.name.to_string(), checks: verdicts, shown: Shown::AsNews });
        let kept = staging.keep_as_failed()?;
        context.events.warn(Part::Validate, format!("not published; the tarball and its logs are in {}", kept.display()));
        return Ok(Exit::Job.into());
    }
    context.events.emit(Kind::Validated { artifact: order.name.to_string(), checks: verdicts, shown: Shown::AsNews });
    let validated = validating.elapsed().as_secs_f64();

    context.go_on()?;
    let placed = publish(staging, &order.name, order.overwrite)?;
    context.events.emit(Kind::Published(summary(placed, compiled, validated, since)));
    Ok(Exit::Success.into())
}

fn keep_logs(context: &Context, staging: Staging, failure: Failure) -> Failure {
    match staging.keep_as_failed() {
        Ok(kept) => context.events.note(Part::Build, format!("logs are in {}", kept.display())),
        Err(error) => context.events.warn(Part::Build, format!("the logs could not be kept: {error}")),
    }
    failure
}

fn summary(placed: crate::artifact::Placed, compiled: Compiled, validated: f64, since: Instant) -> Published {
    let mut stages = compiled.stages;
    stages.push(StageTime { stage: "validate".to_owned(), seconds: validated });
    Published {
        path: placed.artifact,
        sha256: hex::encode(compiled.digest.sha256),
        bytes: compiled.digest.bytes,
        plan: compiled.plan,
        logs: placed.logs,
        stages,
        seconds: since.elapsed().as_secs_f64(),
    }
}
