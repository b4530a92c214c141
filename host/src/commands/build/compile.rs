//! The compiling half of a build: one machine, from source to tarball.

use super::logs::{Follower, stage_times};
use super::order::Order;
use crate::artifact::Staging;
use crate::commands::context::Context;
use crate::commands::machines::Setup;
use crate::event::{Part, StageTime, Unit};
use crate::failure::{Diagnose, Exit, Failure};
use crate::guest::{Session, SessionError};
use crate::image::Golden;
use crate::machine::{Accelerator, Backend, Machine};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::time::Instant;
use vmbuild_cpython::{BuildInfo, Plan, Recipe, RecipeInput, Slowness, layout, recipe};
use vmbuild_protocol::{BUILD_ID, Digest, Facts, Pack, StepDone};

/// Where the source arrives in the guest.
const GUEST_SOURCES: &str = "/build/source";
/// Where the tarball is made in the guest.
const GUEST_ARTIFACT: &str = "/build/artifact.tgz";
/// Where configure explains itself.
const CONFIG_LOG: &str = "/build/src/config.log";

/// What came out.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) digest: Digest,
    pub(super) plan: String,
    pub(super) stages: Vec<StageTime>,
}

/// A step of the recipe failed.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed{}", if tail.is_empty() { String::new() } else { format!("; its last lines:\n{tail}") })]
pub(super) struct StepFailed {
    step: String,
    tail: String,
    log: PathBuf,
    #[source]
    source: SessionError,
}

impl Diagnose for StepFailed {
    fn exit(&self) -> Exit {
        self.source.exit()
    }

    fn hints(&self) -> Vec<String> {
        let mut hints = self.source.hints();
        if let Some(name) = self.log.file_name() {
            hints.push(format!("the step's whole output is in {} among the kept logs", name.display()));
        }
        hints
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
    /// Runs the recipe in a machine of its own and leaves the tarball in the staging folder.
    pub(super) async fn compile(self) -> Result<Compiled, Failure> {
        let events = &self.context.events;
        let phase = events.phase(Part::Machine, "start", "");
        let mut machine = self.setup.job_machine(self.context, self.golden).await?;
        phase.finish("agent answers");
        let session = machine.session().clone();
        let outcome = machine.watch(self.work(&session)).await;
        if outcome.is_err() {
            self.save_evidence(&machine).await;
        }
        let stopped = machine.stop().await;
        let compiled = outcome??;
        stopped?;
        Ok(compiled)
    }

    async fn work(self, session: &Session) -> Result<Compiled, Failure> {
        let facts = session.facts().await?;
        let recipe = recipe(&self.input(&facts));
        self.send_source(session, &recipe).await?;
        let done = self.run(session, &recipe).await?;
        let plan = self.plan(&recipe, &facts);
        let mut stages = stage_times(&recipe.steps, &done);
        let packing = Instant::now();
        self.describe(session, &recipe, &facts, &plan, &stages).await?;
        let digest = self.pack(session, &recipe).await?;
        stages.push(StageTime { stage: "pack".to_owned(), seconds: packing.elapsed().as_secs_f64() });
        Ok(Compiled { digest, plan, stages })
    }

    fn input(&self, facts: &Facts) -> RecipeInput {
        let emulated = self.setup.accelerator() == Some(Accelerator::Tcg);
        RecipeInput {
            version: self.order.version.clone(),
            profile: self.order.profile,
            jobs: self.order.jobs.unwrap_or(facts.cpus),
            source: format!("{GUEST_SOURCES}/{}", self.order.source.file_name),
            slowness: if emulated { Slowness::Emulated } else { Slowness::Native },
        }
    }

    async fn send_source(&self, session: &Session, recipe: &Recipe) -> Result<(), Failure> {
        let source = &self.order.source;
        let phase = self.context.events.phase(Part::Source, "send", source.file_name.clone());
        let advanced = |bytes| phase.advance(bytes, Some(source.bytes), Unit::Bytes, "");
        let sent = session.put_file(&source.path, &recipe.source, 0o644, &self.context.cancel, advanced).await?;
        phase.finish(format!("{:.1} MB", sent.bytes as f64 / 1e6));
        Ok(())
    }

    async fn run(&self, session: &Session, recipe: &Recipe) -> Result<Vec<StepDone>, Failure> {
        let logs = self.staging.logs();
        let follower = Follower::new(&self.context.events, &recipe.steps, &logs);
        let outcome = session
            .build(
                recipe.steps.clone(),
                &self.context.cancel,
                |progress| follower.progress(progress),
                |_, bytes| follower.output(bytes),
            )
            .await;
        if let Some(error) = follower.log_error() {
            self.context.events.warn(Part::Build, format!("a step's log is not whole: {error}"));
        }
        outcome.map_err(|source| self.step_failed(recipe, source))
    }

    fn step_failed(&self, recipe: &Recipe, source: SessionError) -> Failure {
        let SessionError::Refused(refusal) = &source else { return source.into() };
        let step = refusal.step.and_then(|index| recipe.steps.steps.get(index as usize));
        let Some(step) = step.map(|step| step.name.clone()) else { return source.into() };
        let log = self.staging.logs().join(format!("{step}.log"));
        StepFailed { tail: refusal.tail.clone(), step, log, source }.into()
    }

    fn plan(&self, recipe: &Recipe, facts: &Facts) -> String {
        let plan = Plan {
            version: self.order.version.clone(),
            profile: self.order.profile,
            source_sha256: self.order.source.sha256.clone(),
            image: self.golden.image().to_owned(),
            image_digest: self.golden.digest().to_owned(),
            arch: facts.arch.clone(),
            configure_line: recipe.configure_line.clone(),
            steps: recipe.plan_steps(),
            vmbuild: BUILD_ID.to_owned(),
        };
        hex::encode(Sha256::digest(plan.to_json().as_bytes()))
    }

    /// Writes `.build-info` into the installed tree.
    async fn describe(
        &self,
        session: &Session,
        recipe: &Recipe,
        facts: &Facts,
        plan: &str,
        stages: &[StageTime],
    ) -> Result<(), Failure> {
        let accelerator = self.setup.accelerator().map(|accelerator| accelerator.to_string());
        let native = match self.setup.backend() {
            Backend::Sandbox => "none: native in a sandbox".to_owned(),
            Backend::Qemu => Accelerator::Tcg.to_string(),
        };
        let info = BuildInfo {
            schema: vmbuild_cpython::Schema,
            version: self.order.version.clone(),
            build: self.order.name.build(),
            profile: self.order.profile,
            image: self.golden.image().to_owned(),
            image_digest: self.golden.digest().to_owned(),
            source_sha256: self.order.source.sha256.clone(),
            plan: plan.to_owned(),
            configure_line: recipe.configure_line.clone(),
            compiler: facts.compiler.clone(),
            os: facts.os.clone(),
            kernel: facts.kernel.clone(),
            arch: facts.arch.clone(),
            backend: self.setup.backend().to_string(),
            accelerator: accelerator.unwrap_or(native),
            stage_seconds: stages.iter().map(|stage| (stage.stage.clone(), stage.seconds)).collect(),
            packages: facts.packages.clone(),
            vmbuild: BUILD_ID.to_owned(),
        };
        let local = self.staging.logs().join("build-info.json");
        crate::store::write_atomically(&local, info.to_json().as_bytes()).map_err(crate::artifact::ArtifactError::Io)?;
        let inside = format!("{}{}/{}", recipe.destination, layout::prefix(&self.order.version), layout::BUILD_INFO);
        session.put_file(&local, &inside, 0o644, &self.context.cancel, |_| ()).await?;
        Ok(())
    }

    async fn pack(&self, session: &Session, recipe: &Recipe) -> Result<Digest, Failure> {
        let phase = self.context.events.phase(Part::Pack, "tarball", self.order.name.to_string());
        let request = Pack { root: recipe.destination.clone(), to: GUEST_ARTIFACT.to_owned(), mtime: layout::MTIME };
        let packed = session.pack(request, &self.context.cancel).await?;
        let total = Some(packed.digest.bytes);
        let advanced = |bytes| phase.advance(bytes, total, Unit::Bytes, "");
        let target = self.staging.artifact();
        let fetched = session.get_file(GUEST_ARTIFACT, &target, &self.context.cancel, advanced).await?;
        self.staging.write_checksum(&fetched.sha256)?;
        phase.finish(format!("{:.1} MB, {} entries", fetched.bytes as f64 / 1e6, packed.entries));
        Ok(fetched)
    }

    /// Best effort: what explains a failure, beside the step logs.
    async fn save_evidence(&self, machine: &Machine) {
        let logs = self.staging.logs();
        let fetched = tokio::time::timeout(
            std::time::Duration::from_secs(10),
            machine.session().get_file(CONFIG_LOG, &logs.join("config.log"), &self.context.cancel, |_| ()),
        );
        // The machine may be gone, or have failed before configure ran: then there is nothing to save.
        let _ = fetched.await;
        let _ = fs_err::copy(machine.folder().file("serial.log"), logs.join("serial.log"));
    }
}
