//! A job that is data: from the cache, or in machines, with its result in a folder.

use crate::cache::{JobCache, TakenJob};
use crate::error::{JobError, JobFailure, JobPhase};
use crate::evidence::Evidence;
use crate::file_name::JobFileName;
use crate::follower::StepLogs;
use crate::guest::JobGuest;
use crate::kind::{note_step, run_kind};
use crate::machine::JobPlace;
use crate::machine_setup::MachineSetup;
use crate::result::{JobFile, JobOrigin, JobOutcome, JobResult, JobStage};
use crate::spec::{ImagePin, JobChecks, JobInput, JobSchema, JobSpec, OutputForm};
use crate::spec_job::SpecJob;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use vmbuild_archive::Sha256;
use vmbuild_core::blocking;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::empty_folder;
use vmbuild_image::Golden;

/// A job to run, with the files that it names.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// The job.
    pub spec: JobSpec,
    /// Its inputs, by name.
    pub inputs: BTreeMap<JobFileName, PathBuf>,
    /// Folder for outputs, logs and result; an earlier run's are removed.
    pub folder: PathBuf,
    /// Use of an earlier run's outputs.
    pub cache: CacheUse,
}

/// Use of the cache for a job's outputs. They are always stored in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// They may.
    Allowed,
    /// The steps run.
    Refused,
}

/// Runs a job. A step or check that fails is a result; everything else that goes wrong is an error.
pub async fn run_job(context: &Context, setup: &MachineSetup, request: &JobRequest) -> Result<JobResult, Failure> {
    let JobRequest { spec, folder, .. } = request;
    spec.check().map_err(JobError::from)?;
    verify_inputs(request).await?;
    for name in ["outputs", "logs"] {
        fs_err::create_dir_all(folder.join(name)).map_err(JobError::Files)?;
        empty_folder(&folder.join(name)).map_err(JobError::Files)?;
    }
    if request.cache == CacheUse::Allowed
        && let Some(result) = take(context, spec, folder).await?
    {
        return Ok(result);
    }
    let result = run(context, setup, request).await?;
    let (kept, cache, from) = (result.clone(), JobCache::of(&context.store), folder.clone());
    let written = blocking(move || {
        kept.write(&from)?;
        Ok::<_, std::io::Error>(if kept.passed() { cache.keep(&from, &kept) } else { Ok(()) })
    });
    if let Err(error) = written.await.map_err(JobError::Files)? {
        // The outputs themselves are sound.
        context.events.warn(Part::Build, format!("failed to cache the job's outputs: {error}"));
    }
    Ok(result)
}

/// Refuses inputs that are not those of the description, before any machine is started.
async fn verify_inputs(request: &JobRequest) -> Result<(), JobError> {
    for JobInput { name, sha256, .. } in &request.spec.inputs {
        let path = request.inputs.get(name).ok_or_else(|| JobError::InputMissing(name.clone()))?.clone();
        let hashed = path.clone();
        let file = blocking(move || JobFile::of(&hashed)).await;
        let found = file.map_err(|source| JobError::InputUnreadable { path, source })?.sha256;
        if found != *sha256 {
            return Err(JobError::InputMismatch { name: name.clone(), expected: *sha256, found });
        }
    }
    Ok(())
}

async fn take(context: &Context, spec: &JobSpec, folder: &Path) -> Result<Option<JobResult>, JobError> {
    let (cache, key, to) = (JobCache::of(&context.store), spec.digest(), folder.to_owned());
    let taken = blocking(move || {
        let taken = cache.take(key, &to)?;
        if let TakenJob::Sound(result) = &taken {
            result.write(&to)?;
        }
        Ok::<_, std::io::Error>(taken)
    });
    match taken.await? {
        TakenJob::Missing => Ok(None),
        TakenJob::Damaged => {
            let text = format!("the cached outputs of job {} are damaged; running it again", key.short());
            context.events.warn(Part::Build, text);
            Ok(None)
        }
        TakenJob::Sound(result) => {
            context.events.note(Part::Build, format!("job {} ran before; taking its outputs", key.short()));
            Ok(Some(*result))
        }
    }
}

/// The golden machine that a job is for.
async fn pinned(context: &Context, setup: &MachineSetup, pin: &ImagePin) -> Result<Golden, Failure> {
    let golden = setup.golden(context, pin.role.into()).await?;
    let here = ImagePin::of(&golden).map_err(JobError::Files)?;
    if here != *pin {
        let (expected, found) = (pin.digest.clone(), here.digest);
        return Err(JobError::OtherImage { image: here.name, expected, found }.into());
    }
    Ok(golden)
}

async fn run(context: &Context, setup: &MachineSetup, request: &JobRequest) -> Result<JobResult, Failure> {
    let JobRequest { spec, inputs, folder, .. } = request;
    let golden = pinned(context, setup, &spec.image).await?;
    let (outputs, logs) = (folder.join("outputs"), folder.join("logs"));
    let kind = SpecJob { spec, inputs, outputs: &outputs };
    let mut result = JobResult {
        schema: JobSchema,
        kind: spec.kind.clone(),
        spec_sha256: spec.digest(),
        outcome: JobOutcome::Passed,
        origin: JobOrigin::Ran,
        outputs: BTreeMap::new(),
        logs: BTreeMap::new(),
        stages: Vec::new(),
        measured: None,
    };
    let place = JobPlace { context, setup, golden: &golden };
    match run_kind(place, &kind, &logs).await {
        Ok(run) => {
            result.outputs = run.made;
            result.stages = run.stages.into_iter().map(JobStage::from).collect();
            result.measured = Some(run.measured.into());
        }
        Err(failed) => result.outcome = outcome(failed)?,
    }
    if let Some(checks) = spec.checks.as_ref().filter(|_| result.passed()) {
        let since = Instant::now();
        if let Err(failed) = check(context, setup, request, checks).await {
            result.outcome = outcome(failed)?;
        }
        result.stages.push(JobStage { name: "check".to_owned(), seconds: since.elapsed().as_secs_f64() });
    }
    result.logs = blocking(move || digests(&logs)).await.map_err(JobError::Files)?;
    Ok(result)
}

/// A failure of the job itself, as an outcome; any other stays an error.
fn outcome(JobFailure { phase, failure }: JobFailure) -> Result<JobOutcome, Failure> {
    if failure.exit() != Exit::Job {
        return Err(failure);
    }
    let mut cause = vec![failure.to_string()];
    let mut source = failure.source();
    while let Some(error) = source {
        cause.push(error.to_string());
        source = error.source();
    }
    Ok(JobOutcome::Failed { phase: phase.to_string(), cause })
}

/// Runs the checks in a second machine that has the outputs and nothing else of the job.
async fn check(
    context: &Context,
    setup: &MachineSetup,
    request: &JobRequest,
    checks: &JobChecks,
) -> Result<(), JobFailure> {
    let reached = RefCell::new(JobPhase::Boot);
    let checked = async {
        let golden = pinned(context, setup, &checks.image).await?;
        let phase = context.events.phase(Part::Validate, "checks", "");
        let logs = request.folder.join("logs");
        let machine = JobPlace { context, setup, golden: &golden }.boot().await?;
        let evidence = Evidence { folder: &logs, files: &[] };
        let run = machine.run(Some(evidence), async |guest| check_in(guest, request, checks, &reached).await);
        run.await?;
        phase.finish("");
        Ok(())
    };
    let result: Result<(), Failure> = checked.await;
    result.map_err(|failure| JobFailure { phase: JobPhase::Checks(Box::new(reached.take())), failure })
}

async fn check_in(
    guest: JobGuest<'_>,
    request: &JobRequest,
    checks: &JobChecks,
    reached: &RefCell<JobPhase>,
) -> Result<(), Failure> {
    reached.replace(JobPhase::Inputs);
    for output in &request.spec.outputs {
        let name = output.name.as_str();
        let mode = match output.form {
            OutputForm::File { mode } => mode,
            OutputForm::Tree { .. } => 0o644,
        };
        let phase = guest.context.events.phase(Part::Validate, "send", name);
        let (from, to) = (request.folder.join("outputs").join(name), format!("{}/{name}", checks.folder));
        guest.send(&phase, &from, &to, mode).await?;
        phase.finish("");
    }
    reached.replace(JobPhase::Steps);
    let logs = StepLogs { part: Part::Validate, folder: &request.folder.join("logs"), prefix: "check-" };
    guest.run_steps(&checks.steps, logs).await.inspect_err(|error| note_step(error, reached))?;
    Ok(())
}

/// Digests of the files in a folder. Blocks.
fn digests(folder: &Path) -> std::io::Result<BTreeMap<String, Sha256>> {
    let mut found = BTreeMap::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), JobFile::of(&entry.path())?.sha256);
    }
    Ok(found)
}
