//! The other way to an artifact: its plan has been built before.

use super::attestations;
use super::cpython_job::CompiledArtifact;
use super::profile_data::UsedProfileData;
use crate::plan::PlannedBuild;
use std::time::Instant;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, BuildCache, CachedBuild, KeptBuild, StagingFolder};
use vmbuild_core::blocking;
use vmbuild_core::context::Context;
use vmbuild_core::event::{Part, StageTime};
use vmbuild_core::failure::Failure;
use vmbuild_cpython::{BuildOrigin, Schema};

/// Takes the outputs of an earlier build of the plan, if there are any and they are sound.
pub(super) async fn reuse(
    context: &Context,
    staging: &StagingFolder,
    planned: &PlannedBuild,
    used: Option<&UsedProfileData>,
) -> Result<Option<CompiledArtifact>, Failure> {
    let since = Instant::now();
    let (cache, plan, outputs) = (BuildCache::of(&context.store), planned.sha256, staging.outputs());
    let taken = blocking(move || cache.take(plan, &outputs)).await.map_err(ArtifactError::Io)?;
    let short = plan.short();
    let kept = match taken {
        CachedBuild::Nothing => return Ok(None),
        CachedBuild::Damaged => {
            context
                .events
                .warn(Part::Build, format!("the cached outputs of plan {short} are damaged; compiling again"));
            return Ok(None);
        }
        CachedBuild::Taken(kept) => kept,
    };
    let text = format!("plan {short} was compiled before, at {}; --no-cache compiles it again", kept.measured.began);
    context.events.note(Part::Build, text);
    staging.write_checksum(kept.sha256).map_err(ArtifactError::Io)?;
    let stages = vec![StageTime { stage: "reuse".to_owned(), seconds: since.elapsed().as_secs_f64() }];
    let KeptBuild { sha256, bytes, debug_info, info, measured, .. } = *kept;
    let (tarball, plan) = (staging.tarball(), info.plan.clone());
    let sbom = blocking(move || attestations::read_sbom(&tarball, &plan)).await.map_err(ArtifactError::Io)?;
    let (origin, used) = (BuildOrigin::Cache, used.cloned());
    Ok(Some(CompiledArtifact { sha256, bytes, debug_info, info, measured, origin, used, sbom, stages }))
}

/// Keeps the outputs of a build that passed, and warns if an earlier build of the same plan gave other bytes.
pub(super) async fn keep(context: &Context, staging: &StagingFolder, compiled: &CompiledArtifact) {
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
        Err(error) => context.events.warn(Part::Build, format!("failed to cache the build: {error}")),
    }
}

fn tell_apart(context: &Context, compiled: &CompiledArtifact, before: Sha256) {
    let (plan, now) = (compiled.info.plan_sha256.short(), compiled.sha256.short());
    let text = format!("plan {plan} gave {now} now and {} before", before.short());
    context.events.warn(Part::Build, format!("{text}: `vmbuild reproduce` says where they differ"));
}
