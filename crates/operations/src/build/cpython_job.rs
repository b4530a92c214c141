//! Building CPython as a kind of job: one machine, from source to tarball.

use super::attestations;
use super::cpython_error::CpythonError;
use super::debug_info;
use super::observe::{Inspection, observe};
use super::packages;
use super::profile_data::{self, UsedProfileData};
use super::request::{ObtainedInputs, ResolvedRequest};
use crate::plan::PlannedBuild;
use std::time::Duration;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, DebugInfo, StagingFolder};
use vmbuild_core::context::Context;
use vmbuild_core::event::{Part, StageTime};
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_core::store::write_atomically;
use vmbuild_cpython::sbom::SpdxDocument;
use vmbuild_cpython::{
    BuildInfo, BuildMeasurements, BuildOrigin, GuestSpeed, ProfileSource, Recipe, RecipeInput, Schema, VerifiedOptions,
    layout, recipe, verified_options,
};
use vmbuild_image::Golden;
use vmbuild_job::{JobGuest, JobKind, JobPlace, KindRun, MachineSetup, SavedFile, StepsRun, run_kind};
use vmbuild_protocol::{Action, BUILD_ID, Facts, Pack, Package, StepDone, Steps, Watch};

/// Folder of a build in the guest.
pub(super) const WORK: &str = "/build";

/// A tarball in the staging folder, with its checksum.
#[derive(Debug)]
pub(crate) struct CompiledArtifact {
    pub(crate) sha256: Sha256,
    pub(crate) bytes: u64,
    /// The debug info that was split off it; next to it.
    pub(crate) debug_info: Option<DebugInfo>,
    pub(crate) info: BuildInfo,
    pub(crate) measured: BuildMeasurements,
    pub(crate) origin: BuildOrigin,
    /// The counts it was optimised by.
    pub(crate) used: Option<UsedProfileData>,
    /// Its bill of materials; artifacts of older versions have none.
    pub(crate) sbom: Option<SpdxDocument>,
    /// Time of each stage of this build.
    pub(crate) stages: Vec<StageTime>,
}

/// Everything the compiling half works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpythonBuild<'a> {
    pub(crate) context: &'a Context,
    pub(crate) request: &'a ResolvedRequest,
    pub(crate) inputs: &'a ObtainedInputs,
    pub(crate) setup: &'a MachineSetup,
    pub(crate) golden: &'a Golden,
    pub(crate) staging: &'a StagingFolder,
    /// Parallel compiler processes, if the user gave their number.
    pub(crate) jobs: Option<u32>,
    /// The profile to use; a release build without one trains.
    pub(crate) profile: Option<&'a UsedProfileData>,
}

impl CpythonBuild<'_> {
    /// Runs the recipe in a machine of its own and leaves the tarball and its checksum in the staging folder.
    pub(crate) async fn compile(self, planned: &PlannedBuild) -> Result<CompiledArtifact, Failure> {
        let place = JobPlace { context: self.context, setup: self.setup, golden: self.golden };
        let kind = CpythonJob { build: self, planned };
        let run = run_kind(place, &kind, &self.staging.among_logs("")).await.map_err(|failed| failed.failure)?;
        let measured = measured(&run);
        let KindRun { made, stages, .. } = run;
        let CpythonMade { sha256, bytes, debug_info, info, sbom, used } = made;
        let (debug_info, origin, sbom) = (Some(debug_info), BuildOrigin::Compiled, Some(sbom));
        Ok(CompiledArtifact { sha256, bytes, debug_info, info, measured, origin, used, sbom, stages })
    }
}

/// One build as a kind of job.
struct CpythonJob<'a> {
    build: CpythonBuild<'a>,
    planned: &'a PlannedBuild,
}

/// A recipe for one machine.
struct PreparedRecipe {
    input: RecipeInput,
    recipe: Recipe,
    /// Packages of the machine that the golden machine has too.
    packages: Vec<Package>,
}

/// The outputs of one machine.
struct CpythonMade {
    sha256: Sha256,
    bytes: u64,
    debug_info: DebugInfo,
    info: BuildInfo,
    sbom: SpdxDocument,
    used: Option<UsedProfileData>,
}

impl JobKind for CpythonJob<'_> {
    type Prepared = PreparedRecipe;
    type Made = CpythonMade;

    fn arch(&self) -> &str {
        &self.planned.plan.arch
    }

    fn evidence(&self) -> Vec<SavedFile> {
        vec![SavedFile { name: "config.log".to_owned(), guest_path: format!("{WORK}/src/config.log") }]
    }

    async fn prepare(&self, guest: JobGuest<'_>, facts: &Facts) -> Result<PreparedRecipe, Failure> {
        let packages = packages::of_golden(self.build.golden, facts.packages.clone())?;
        let input = self.recipe_input(facts);
        let recipe = recipe(&input);
        self.send_source(guest, &input.source).await?;
        profile_data::send(self.build, guest, &recipe).await?;
        Ok(PreparedRecipe { input, recipe, packages })
    }

    fn steps<'a>(&'a self, prepared: &'a PreparedRecipe) -> &'a Steps {
        &prepared.recipe.steps
    }

    async fn collect(
        &self,
        guest: JobGuest<'_>,
        prepared: &PreparedRecipe,
        run: StepsRun<'_>,
    ) -> Result<CpythonMade, Failure> {
        let PreparedRecipe { recipe, .. } = prepared;
        let trained = tests_passed(&recipe.steps, run.done);
        let used = profile_data::publish(self.build, guest, recipe, self.planned, trained).await?;
        let planned = &profile_data::planned_with(self.planned, used.as_ref())?;
        // Boxed: it is deep, and the rest of a build would carry its size.
        let examined = Box::pin(self.examine(guest, prepared, planned, run.facts, used.as_ref()));
        let (info, sbom) = examined.await?;
        self.describe(guest, recipe, &info, &sbom).await?;
        let (sha256, bytes) = self.pack(guest, recipe).await?;
        let debug_info = debug_info::publish(self.build, guest, recipe).await?;
        Ok(CpythonMade { sha256, bytes, debug_info, info, sbom, used })
    }
}

impl CpythonJob<'_> {
    fn recipe_input(&self, facts: &Facts) -> RecipeInput {
        let CpythonBuild { request, inputs, setup, .. } = self.build;
        RecipeInput {
            version: request.version,
            profile: request.profile,
            jobs: request.jobs(self.build.jobs.unwrap_or(facts.cpus), setup),
            source: format!("{WORK}/source/{}", inputs.source.file_name),
            guest_speed: if setup.is_emulated() { GuestSpeed::Emulated } else { GuestSpeed::Native },
            counts: if self.build.profile.is_some() { ProfileSource::Given } else { ProfileSource::Trained },
            extent: request.extent,
        }
    }

    async fn send_source(&self, guest: JobGuest<'_>, to: &str) -> Result<(), Failure> {
        let source = &self.build.inputs.source;
        let phase = guest.context.events.phase(Part::Source, "send", source.file_name.clone());
        let sent = guest.send(&phase, &source.path, to, 0o644).await?;
        phase.finish(size(sent.bytes));
        Ok(())
    }

    /// Examines the installed tree: everything that was asked for must have taken effect.
    async fn examine(
        &self,
        guest: JobGuest<'_>,
        prepared: &PreparedRecipe,
        planned: &PlannedBuild,
        facts: &Facts,
        used: Option<&UsedProfileData>,
    ) -> Result<(BuildInfo, SpdxDocument), Failure> {
        let inspection = Inspection {
            guest,
            recipe: &prepared.recipe,
            version: &planned.plan.version,
            packages: &prepared.packages,
            coverage: used.and_then(UsedProfileData::coverage),
            staging: self.build.staging,
        };
        let observed = observe(inspection).await?;
        let verified_options = verified_options::verify_options(&planned.plan.configure_line, &observed.seen)
            .map_err(CpythonError::from)?;
        let info = info(planned, facts, &prepared.packages, verified_options);
        Ok((info, attestations::sbom(planned, observed)))
    }

    /// Writes `.build-info` and the bill of materials into the installed tree.
    async fn describe(
        &self,
        guest: JobGuest<'_>,
        recipe: &Recipe,
        info: &BuildInfo,
        sbom: &SpdxDocument,
    ) -> Result<(), Failure> {
        let folder = recipe.build_info.trim_end_matches(layout::BUILD_INFO);
        let sbom_place = format!("{folder}{}", layout::SBOM);
        let documents =
            [("build-info.json", info.to_json(), &recipe.build_info), ("sbom.spdx.json", sbom.to_json(), &sbom_place)];
        for (name, text, to) in documents {
            let local = self.build.staging.among_logs(name);
            write_atomically(&local, text.as_bytes()).map_err(ArtifactError::Io)?;
            guest.session.put_file(&local, to, 0o644, &guest.context.cancel, |_| ()).await?;
        }
        Ok(())
    }

    async fn pack(&self, guest: JobGuest<'_>, recipe: &Recipe) -> Result<(Sha256, u64), Failure> {
        let staging = self.build.staging;
        let phase = guest.context.events.phase(Part::Pack, "tarball", staging.name().to_string());
        let to = format!("{WORK}/artifact.tgz");
        let pack = Pack { root: recipe.destination.clone(), to, mtime: layout::MTIME };
        let (packed, fetched) = guest.fetch_packed(&phase, pack, &staging.tarball()).await?;
        let digest = Sha256(fetched.sha256);
        staging.write_checksum(digest).map_err(ArtifactError::Io)?;
        phase.finish(format!("{}, {} entries", size(fetched.bytes), packed.entries));
        Ok((digest, fetched.bytes))
    }
}

/// Number of CPython's test files that a training ran, and its time; `None` where there was no training. All of them
/// passed: otherwise the step would have failed.
fn tests_passed(steps: &Steps, done: &[StepDone]) -> Option<(u64, Duration)> {
    let is_training = |done: &&StepDone| {
        let step = steps.steps.get(done.step as usize);
        step.is_some_and(|step| matches!(step.action, Action::Run { watch: Watch::RegressionTests, .. }))
    };
    done.iter().find(is_training).map(|done| (done.units, Duration::from_millis(done.millis)))
}

/// Time and place of this compilation.
fn measured(run: &KindRun<CpythonJob<'_>>) -> BuildMeasurements {
    let measured = &run.measured;
    BuildMeasurements {
        began: format!("{:.0}", measured.began),
        backend: measured.backend.clone(),
        accelerator: measured.accelerator.clone(),
        kernel: measured.kernel.clone(),
        cpu_model: measured.cpu_model.clone(),
        jobs: run.prepared.input.jobs,
        vmbuild: BUILD_ID.to_owned(),
        stage_seconds: run.stages.iter().map(|stage| (stage.stage.clone(), stage.seconds)).collect(),
    }
}

/// Everything that the plan and its golden machine determine.
fn info(planned: &PlannedBuild, facts: &Facts, packages: &[Package], verified_options: VerifiedOptions) -> BuildInfo {
    let plan = planned.plan.clone();
    BuildInfo {
        schema: Schema,
        version: plan.version,
        profile: plan.profile,
        source_sha256: plan.source_sha256,
        image: plan.image.clone(),
        image_digest: plan.image_digest.clone(),
        configure_line: plan.configure_line.clone(),
        compiler: facts.compiler.clone(),
        os: facts.os.clone(),
        arch: plan.arch.clone(),
        packages: packages.to_vec(),
        verified_options: Some(verified_options),
        plan_sha256: planned.sha256,
        plan,
    }
}
