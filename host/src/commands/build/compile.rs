//! The compiling half of a build: one machine, from source to tarball.

use super::CpythonError;
use super::attestations;
use super::debug_info;
use super::flavour;
use super::logs::{Follower, stage_times, tests_passed};
use super::observe::observe;
use super::order::ResolvedRequest;
use super::packages;
use super::plan::Planned;
use super::profile_data::{self, Used};
use crate::commands::context::CommandContext;
use jiff::Timestamp;
use std::time::{Duration, Instant};
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, DebugInfo, Staging};
use vmbuild_core::event::{Pace, Part, StageTime, Unit};
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::format::size;
use vmbuild_core::store::write_atomically;
use vmbuild_cpython::sbom::Document;
use vmbuild_cpython::{
    BuildInfo, BuildOrigin, Measured, ProfileSource, Recipe, RecipeInput, Schema, Slowness, TookEffect, layout, recipe,
    took_effect,
};
use vmbuild_guest::{Session, SessionError};
use vmbuild_image::Golden;
use vmbuild_job::MachineSetup;
use vmbuild_machine::Machine;
use vmbuild_protocol::{BUILD_ID, Facts, Pack, StepDone};

/// Where a build works in the guest.
pub(super) const WORK: &str = "/build";
/// How long to try to save what explains a failure.
const EVIDENCE: Duration = Duration::from_secs(10);

/// A tarball in the staging folder, with its checksum.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
    /// The debug info that was split off it; beside it.
    pub(super) debug_info: Option<DebugInfo>,
    pub(super) info: BuildInfo,
    pub(super) measured: Measured,
    pub(super) origin: BuildOrigin,
    /// The counts it was optimised by.
    pub(super) used: Option<Used>,
    /// The bill of materials in it; an older vmbuild put none in.
    pub(super) sbom: Option<Document>,
    /// Where this build's own time went.
    pub(super) stages: Vec<StageTime>,
}

/// The machine is not of the kind that was planned for.
#[derive(Debug, thiserror::Error)]
#[error("the plan is for {planned}, the machine is {found}")]
struct OtherArchitecture {
    planned: String,
    found: String,
}

impl Diagnose for OtherArchitecture {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

/// A step of the recipe failed.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed{}", if tail.is_empty() { String::new() } else { format!("; its last lines:\n{tail}") })]
struct StepFailed {
    step: String,
    tail: String,
    #[source]
    source: SessionError,
}

impl Diagnose for StepFailed {
    fn exit(&self) -> Exit {
        self.source.exit()
    }

    fn hints(&self) -> Vec<String> {
        let whole = format!("the step's whole output is in {}.log among the kept logs", self.step);
        self.source.hints().into_iter().chain([whole]).collect()
    }
}

/// Everything the compiling half works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct BuildContext<'a> {
    pub(super) context: &'a CommandContext,
    pub(super) order: &'a ResolvedRequest,
    pub(super) setup: &'a MachineSetup,
    pub(super) golden: &'a Golden,
    pub(super) staging: &'a Staging,
    /// How many processes compile at a time, if the user said it.
    pub(super) jobs: Option<u32>,
    /// The profile to use; a release build without one trains.
    pub(super) profile: Option<&'a Used>,
}

impl BuildContext<'_> {
    /// Runs the recipe in a machine of its own and leaves the tarball and its checksum in the staging folder.
    pub(super) async fn compile(self, planned: &Planned) -> Result<Compiled, Failure> {
        let phase = self.context.events.phase(Part::Machine, "boot", "");
        let machine = self.setup.job_machine(self.context, self.golden).await?;
        phase.finish("agent answers");
        let outcome = machine.carry(self.work(machine.session(), planned)).await;
        if outcome.is_err() && !self.context.cancel.is_cancelled() {
            self.save_evidence(&machine).await;
        }
        machine.stop_if_alive().await?;
        outcome
    }

    async fn work(self, session: &Session, planned: &Planned) -> Result<Compiled, Failure> {
        let began = Timestamp::now();
        let mut facts = self.context.unless_interrupted(session.facts()).await??;
        if facts.arch != planned.plan.arch {
            return Err(OtherArchitecture { planned: planned.plan.arch.clone(), found: facts.arch }.into());
        }
        facts.packages = packages::of_golden(self.golden, facts.packages)?;
        let input = self.input(&facts);
        let recipe = recipe(&input);
        self.send_source(session, &input.source).await?;
        profile_data::send(self, session, &recipe).await?;
        let done = self.run(session, &recipe).await?;
        let mut stages = stage_times(&recipe.steps, &done);
        let packing = Instant::now();
        let tests = tests_passed(&recipe.steps, &done);
        let used = profile_data::publish(self, session, &recipe, planned, tests).await?;
        let planned = &profile_data::planned_with(planned, used.as_ref())?;
        // Boxed: it is deep, and the rest of a build would carry its size.
        let examined = Box::pin(self.examine(session, &recipe, planned, &facts, used.as_ref()));
        let (info, sbom) = examined.await?;
        self.describe(session, &recipe, &info, &sbom).await?;
        let (sha256, bytes) = self.pack(session, &recipe).await?;
        let debug_info = Some(debug_info::publish(self, session, &recipe).await?);
        stages.push(StageTime { stage: "pack".to_owned(), seconds: packing.elapsed().as_secs_f64() });
        let measured = self.measured(began, input.jobs, &facts, &stages);
        let (origin, sbom) = (BuildOrigin::Compiled, Some(sbom));
        Ok(Compiled { sha256, bytes, debug_info, info, measured, origin, used, sbom, stages })
    }

    fn input(&self, facts: &Facts) -> RecipeInput {
        RecipeInput {
            version: self.order.version,
            profile: self.order.profile,
            jobs: flavour::jobs(self.order.version, self.jobs.unwrap_or(facts.cpus), self.setup.memory_mib()),
            source: format!("{WORK}/source/{}", self.order.source.file_name),
            slowness: if self.setup.is_emulated() { Slowness::Emulated } else { Slowness::Native },
            counts: if self.profile.is_some() { ProfileSource::Given } else { ProfileSource::Trained },
            extent: self.order.extent,
        }
    }

    async fn send_source(&self, session: &Session, to: &str) -> Result<(), Failure> {
        let source = &self.order.source;
        let phase = self.context.events.phase(Part::Source, "send", source.file_name.clone());
        let advanced = |bytes| phase.advance(bytes, Some(source.bytes), Unit::Bytes, "");
        let mut pace = Pace::default();
        let paced = |bytes| {
            if pace.is_time() {
                advanced(bytes);
            }
        };
        let sent = session.put_file(&source.path, to, 0o644, &self.context.cancel, paced).await?;
        phase.finish(size(sent.bytes));
        Ok(())
    }

    async fn run(&self, session: &Session, recipe: &Recipe) -> Result<Vec<StepDone>, Failure> {
        let follower = Follower::new(&self.context.events, &recipe.steps, self.staging);
        let progress = |progress| follower.progress(progress);
        let output = |_, bytes: &[u8]| follower.output(bytes);
        let outcome = session.build(recipe.steps.clone(), &self.context.cancel, progress, output).await;
        if let Some(error) = follower.log_error() {
            self.context.events.warn(Part::Build, format!("a step's log is not whole: {error}"));
        }
        outcome.map_err(|source| step_failed(recipe, source))
    }

    /// Looks at what was made: it must be what was asked for.
    async fn examine(
        &self,
        session: &Session,
        recipe: &Recipe,
        planned: &Planned,
        facts: &Facts,
        used: Option<&Used>,
    ) -> Result<(BuildInfo, Document), Failure> {
        let Self { context, staging, .. } = self;
        let (guest, coverage) = ((session, &context.cancel), used.and_then(Used::coverage));
        let (version, packages) = (&planned.plan.version, facts.packages.as_slice());
        let observed = observe(guest, recipe, version, packages, coverage, (staging, &context.events)).await?;
        let took_effect =
            took_effect::judge(&planned.plan.configure_line, &observed.seen).map_err(CpythonError::from)?;
        Ok((info(planned, facts, took_effect), attestations::sbom(planned, observed)))
    }

    /// Writes `.build-info` and the bill of materials into the installed tree.
    async fn describe(
        &self,
        session: &Session,
        recipe: &Recipe,
        info: &BuildInfo,
        sbom: &Document,
    ) -> Result<(), Failure> {
        let folder = recipe.build_info.trim_end_matches(layout::BUILD_INFO);
        let sbom_place = format!("{folder}{}", layout::SBOM);
        let documents =
            [("build-info.json", info.to_json(), &recipe.build_info), ("sbom.spdx.json", sbom.to_json(), &sbom_place)];
        for (name, text, to) in documents {
            let local = self.staging.among_logs(name);
            write_atomically(&local, text.as_bytes()).map_err(ArtifactError::Io)?;
            session.put_file(&local, to, 0o644, &self.context.cancel, |_| ()).await?;
        }
        Ok(())
    }

    /// What this compilation took, and where it ran.
    fn measured(&self, began: Timestamp, jobs: u32, facts: &Facts, stages: &[StageTime]) -> Measured {
        let accelerator = self.setup.accelerator();
        Measured {
            began: format!("{began:.0}"),
            backend: self.setup.backend().to_string(),
            accelerator: accelerator.map_or_else(|| "none".to_owned(), |accelerator| accelerator.to_string()),
            kernel: facts.kernel.clone(),
            cpu_model: facts.cpu_model.clone(),
            jobs,
            vmbuild: BUILD_ID.to_owned(),
            stage_seconds: stages.iter().map(|stage| (stage.stage.clone(), stage.seconds)).collect(),
        }
    }

    async fn pack(&self, session: &Session, recipe: &Recipe) -> Result<(Sha256, u64), Failure> {
        let phase = self.context.events.phase(Part::Pack, "tarball", self.staging.name().to_string());
        let to = format!("{WORK}/artifact.tgz");
        let request = Pack { root: recipe.destination.clone(), to: to.clone(), mtime: layout::MTIME };
        let packed = session.pack(request, &self.context.cancel).await?;
        let total = Some(packed.digest.bytes);
        let mut pace = Pace::default();
        let advanced = |bytes| {
            if pace.is_time() {
                phase.advance(bytes, total, Unit::Bytes, "");
            }
        };
        let target = self.staging.tarball();
        let fetched = session.get_file(&to, &target, &self.context.cancel, advanced).await?;
        let digest = Sha256(fetched.sha256);
        self.staging.write_checksum(digest).map_err(ArtifactError::Io)?;
        phase.finish(format!("{}, {} entries", size(fetched.bytes), packed.entries));
        Ok((digest, fetched.bytes))
    }

    /// Best effort: what explains a failure, beside the step logs.
    async fn save_evidence(&self, machine: &Machine) {
        let config_log = format!("{WORK}/src/config.log");
        let target = self.staging.log("config");
        let fetching = machine.session().get_file(&config_log, &target, &self.context.cancel, |_| ());
        // The machine may be gone, or have failed before configure ran: then there is nothing to save.
        let _ = tokio::time::timeout(EVIDENCE, fetching).await;
        let _ = fs_err::copy(machine.folder().console(), self.staging.log("serial"));
    }
}

/// What the plan and its golden machine determine.
fn info(planned: &Planned, facts: &Facts, took_effect: TookEffect) -> BuildInfo {
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
        packages: facts.packages.clone(),
        took_effect: Some(took_effect),
        plan_sha256: planned.sha256,
        plan,
    }
}

fn step_failed(recipe: &Recipe, source: SessionError) -> Failure {
    let SessionError::Refused(refusal) = &source else { return source.into() };
    let step = refusal.step.and_then(|index| recipe.steps.steps.get(index as usize));
    let Some(step) = step.map(|step| step.name.clone()) else { return source.into() };
    StepFailed { tail: refusal.tail.clone(), step, source }.into()
}
