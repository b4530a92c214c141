//! The other way to an artifact: the same plan has been built before.

use super::attestations;
use super::compile::Compiled;
use super::plan::Planned;
use super::profile_data::Used;
use crate::commands::context::CommandContext;
use std::time::Instant;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, BuildCache, Cached, KeptBuild, Staging};
use vmbuild_core::event::{Part, StageTime};
use vmbuild_core::failure::Failure;
use vmbuild_cpython::{BuildOrigin, Schema};

/// Takes what an earlier build of the plan left, if there is such a thing and it is sound.
pub(super) async fn reuse(
    context: &CommandContext,
    staging: &Staging,
    planned: &Planned,
    used: Option<&Used>,
) -> Result<Option<Compiled>, Failure> {
    let since = Instant::now();
    let (cache, plan, outputs) = (BuildCache::of(&context.store), planned.sha256, staging.outputs());
    let taken = blocking(move || cache.take(plan, &outputs)).await?;
    let short = plan.short();
    let kept = match taken {
        Cached::Nothing => return Ok(None),
        Cached::Damaged => {
            context.events.warn(Part::Build, format!("what was kept of plan {short} is damaged: it is compiled again"));
            return Ok(None);
        }
        Cached::Taken(kept) => kept,
    };
    let text = format!("plan {short} was compiled before, at {}; --no-cache compiles it again", kept.measured.began);
    context.events.note(Part::Build, text);
    staging.write_checksum(kept.sha256).map_err(ArtifactError::Io)?;
    let stages = vec![StageTime { stage: "reuse".to_owned(), seconds: since.elapsed().as_secs_f64() }];
    let KeptBuild { sha256, bytes, debug_info, info, measured, .. } = *kept;
    let (tarball, plan) = (staging.tarball(), info.plan.clone());
    let sbom = blocking(move || attestations::read_sbom(&tarball, &plan)).await?;
    let (origin, used) = (BuildOrigin::Cache, used.cloned());
    Ok(Some(Compiled { sha256, bytes, debug_info, info, measured, origin, used, sbom, stages }))
}

/// Keeps what was compiled and has passed, and says so if an earlier build of the same plan gave other bytes.
pub(super) async fn keep(context: &CommandContext, staging: &Staging, compiled: &Compiled) {
    if compiled.origin == BuildOrigin::Cache {
        return;
    }
    let (cache, outputs) = (BuildCache::of(&context.store), staging.outputs());
    let (sha256, bytes, debug_info) = (compiled.sha256, compiled.bytes, compiled.debug_info);
    let (info, measured) = (compiled.info.clone(), compiled.measured.clone());
    let keep = move || {
        let logs = outputs.step_logs()?;
        cache.keep(&outputs, &KeptBuild { schema: Schema, sha256, bytes, debug_info, info, measured, logs })
    };
    match blocking(keep).await {
        Ok(Some(before)) if before != compiled.sha256 => tell_apart(context, compiled, before),
        Ok(_) => {}
        // The artifact itself is sound.
        Err(error) => context.events.warn(Part::Build, format!("the build could not be kept for next time: {error}")),
    }
}

fn tell_apart(context: &CommandContext, compiled: &Compiled, before: Sha256) {
    let (plan, now) = (compiled.info.plan_sha256.short(), compiled.sha256.short());
    let text = format!("plan {plan} gave {now} now and {} before", before.short());
    context.events.warn(Part::Build, format!("{text}: `vmbuild reproduce` says where they differ"));
}

/// Runs blocking work to its end, on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ArtifactError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(std::io::Error::other)??)
}
