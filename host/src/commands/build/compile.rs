//! The compiling half of a build: one machine, from source to tarball.

use super::logs::{Follower, stage_times};
use super::order::Order;
use crate::artifact::{ArtifactError, Staging};
use crate::commands::context::Context;
use crate::commands::machines::Setup;
use crate::event::{Pace, Part, StageTime, Unit};
use crate::failure::{Diagnose, Exit, Failure};
use crate::guest::{Session, SessionError};
use crate::image::Golden;
use crate::machine::Machine;
use crate::report::size;
use crate::store::write_atomically;
use sha2::Digest as _;
use std::time::{Duration, Instant};
use vmbuild_cpython::{BuildInfo, Plan, Recipe, RecipeInput, Schema, Sha256, Slowness, layout, recipe};
use vmbuild_protocol::{BUILD_ID, Facts, Pack, StepDone};

/// Where a build works in the guest.
const WORK: &str = "/build";
/// How long to try to save what explains a failure.
const EVIDENCE: Duration = Duration::from_secs(10);

/// What came out.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) digest: Sha256,
    pub(super) plan: Sha256,
    pub(super) stages: Vec<StageTime>,
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
pub(super) struct Workshop<'a> {
    pub(super) context: &'a Context,
    pub(super) order: &'a Order,
    pub(super) setup: &'a Setup,
    pub(super) golden: &'a Golden,
    pub(super) staging: &'a Staging,
}

impl Workshop<'_> {
    /// Runs the recipe in a machine of its own and leaves the tarball and its checksum in the staging folder.
    pub(super) async fn compile(self) -> Result<Compiled, Failure> {
        let phase = self.context.events.phase(Part::Machine, "boot", "");
        let machine = self.setup.job_machine(self.context, self.golden).await?;
        phase.finish("agent answers");
        let outcome = machine.carry(self.work(machine.session())).await;
        if outcome.is_err() && !self.context.cancel.is_cancelled() {
            self.save_evidence(&machine).await;
        }
        machine.stop_if_alive().await?;
        outcome
    }

    async fn work(self, session: &Session) -> Result<Compiled, Failure> {
        let facts = self.context.unless_interrupted(session.facts()).await??;
        let input = self.input(&facts);
        let recipe = recipe(&input);
        self.send_source(session, &input.source).await?;
        let done = self.run(session, &recipe).await?;
        let plan = self.plan(&recipe, &facts);
        let mut stages = stage_times(&recipe.steps, &done);
        let packing = Instant::now();
        self.describe(session, &recipe, &facts, plan, &stages).await?;
        let digest = self.pack(session, &recipe).await?;
        stages.push(StageTime { stage: "pack".to_owned(), seconds: packing.elapsed().as_secs_f64() });
        Ok(Compiled { digest, plan, stages })
    }

    fn input(&self, facts: &Facts) -> RecipeInput {
        RecipeInput {
            version: self.order.version,
            profile: self.order.profile,
            jobs: self.order.jobs.unwrap_or(facts.cpus).max(1),
            source: format!("{WORK}/source/{}", self.order.source.file_name),
            slowness: if self.setup.is_emulated() { Slowness::Emulated } else { Slowness::Native },
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

    /// The digest of everything that determines the artifact.
    fn plan(&self, recipe: &Recipe, facts: &Facts) -> Sha256 {
        let plan = Plan {
            schema: Schema,
            version: self.order.version,
            profile: self.order.profile,
            source_sha256: self.order.source.sha256,
            image: self.golden.image().to_owned(),
            image_digest: self.golden.digest().to_owned(),
            arch: facts.arch.clone(),
            configure_line: recipe.configure_line.clone(),
            steps: recipe.plan_steps(),
            mtime: layout::MTIME,
            vmbuild: BUILD_ID.to_owned(),
        };
        let digest: [u8; 32] = sha2::Sha256::digest(plan.to_json().as_bytes()).into();
        Sha256(digest)
    }

    /// Writes `.build-info` into the installed tree.
    async fn describe(
        &self,
        session: &Session,
        recipe: &Recipe,
        facts: &Facts,
        plan: Sha256,
        stages: &[StageTime],
    ) -> Result<(), Failure> {
        let accelerator = self.setup.accelerator();
        let info = BuildInfo {
            schema: Schema,
            version: self.order.version,
            build: self.staging.name().build,
            profile: self.order.profile,
            source_sha256: self.order.source.sha256,
            image: self.golden.image().to_owned(),
            image_digest: self.golden.digest().to_owned(),
            plan: plan.to_string(),
            configure_line: recipe.configure_line.clone(),
            compiler: facts.compiler.clone(),
            os: facts.os.clone(),
            arch: facts.arch.clone(),
            kernel: facts.kernel.clone(),
            backend: self.setup.backend().to_string(),
            accelerator: accelerator.map_or_else(|| "none".to_owned(), |accelerator| accelerator.to_string()),
            stage_seconds: stages.iter().map(|stage| (stage.stage.clone(), stage.seconds)).collect(),
            vmbuild: BUILD_ID.to_owned(),
            packages: facts.packages.clone(),
        };
        let local = self.staging.log("build-info").with_extension("json");
        write_atomically(&local, info.to_json().as_bytes()).map_err(ArtifactError::Io)?;
        let inside = format!("{}{}/{}", recipe.destination, layout::prefix(&self.order.version), layout::BUILD_INFO);
        session.put_file(&local, &inside, 0o644, &self.context.cancel, |_| ()).await?;
        Ok(())
    }

    async fn pack(&self, session: &Session, recipe: &Recipe) -> Result<Sha256, Failure> {
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
        Ok(digest)
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

fn step_failed(recipe: &Recipe, source: SessionError) -> Failure {
    let SessionError::Refused(refusal) = &source else { return source.into() };
    let step = refusal.step.and_then(|index| recipe.steps.steps.get(index as usize));
    let Some(step) = step.map(|step| step.name.clone()) else { return source.into() };
    StepFailed { tail: refusal.tail.clone(), step, source }.into()
}
