//! `vmbuild validate`: the 11 checks, in a machine that has no compiler.

use super::build::read_info;
use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli;
use std::path::{Path, PathBuf};
use vmbuild_artifact::ArtifactError;
use vmbuild_core::event::{EventKind, Pace, Part, Shown, Unit};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_cpython::{ArtifactName, Bounds, CHECKS, layout};
use vmbuild_guest::Session;
use vmbuild_image::GoldenRole;
use vmbuild_job::MachineSetup;
use vmbuild_protocol::{Check, Validate, Verdict};

/// Where the artifact lies in the guest.
const GUEST_FOLDER: &str = "/validate";

/// An artifact to check, with the name it claims.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The tarball; `<it>.sha256` lies beside it.
    pub(crate) artifact: PathBuf,
    /// What it claims to be.
    pub(crate) name: ArtifactName,
    /// Whether checks 4, 10 and 11 only warn.
    pub(crate) lenient: bool,
}

/// Checks an artifact and prints the table.
pub(crate) async fn validate(context: &CommandContext, args: cli::ValidateArgs) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    let artifact = std::path::absolute(&args.artifact).map_err(ArtifactError::Io)?;
    let file_name = artifact.file_name().unwrap_or_default().to_string_lossy();
    let name: ArtifactName = file_name.parse().map_err(ArtifactError::Name)?;
    let setup = MachineSetup::decide(context, &args.machine.request()).await?;
    let candidate = Candidate { artifact, name, lenient: args.lenient };
    let checks = in_clean_machine(context, &setup, &candidate).await?;
    let exit = if passed(&checks) { Exit::Success } else { Exit::Job };
    context.events.emit(EventKind::Validated { artifact: candidate.name.to_string(), checks, shown: Shown::AsData });
    Ok(exit.into())
}

/// Whether nothing failed.
pub(crate) fn passed(checks: &[Check]) -> bool {
    checks.len() == CHECKS.len() && checks.iter().all(|check| check.verdict != Verdict::Fail)
}

/// The verdicts as a JSON document.
pub(crate) fn report(name: &ArtifactName, checks: &[Check]) -> String {
    let document = serde_json::json!({
        "schema": 1,
        "artifact": name.to_string(),
        "passed": passed(checks),
        "checks": checks,
    });
    format!("{document:#}\n")
}

/// Runs the checks in a fresh machine of the clean role.
pub(crate) async fn in_clean_machine(
    context: &CommandContext,
    setup: &MachineSetup,
    candidate: &Candidate,
) -> Result<Vec<Check>, Failure> {
    let golden = setup.golden(context, GoldenRole::Clean).await?;
    let phase = context.events.phase(Part::Validate, "checks", candidate.name.to_string());
    let machine = setup.job_machine(context, &golden).await?;
    let outcome = machine.carry(check(context, setup, machine.session(), candidate)).await;
    machine.stop_if_alive().await?;
    let checks = outcome?;
    let good = checks.iter().filter(|check| check.verdict == Verdict::Pass).count();
    phase.finish(format!("{good} of {} passed in a clean machine", checks.len()));
    Ok(checks)
}

async fn check(
    context: &CommandContext,
    setup: &MachineSetup,
    session: &Session,
    candidate: &Candidate,
) -> Result<Vec<Check>, Failure> {
    let checksum = candidate.artifact.with_file_name(layout::checksum_file(&candidate.name));
    for path in [&candidate.artifact, &checksum] {
        send(context, session, path).await?;
    }
    // What cannot say its profile is measured as a release: another check says that it has no build info.
    let (artifact, name) = (candidate.artifact.clone(), candidate.name.clone());
    let profile = tokio::task::spawn_blocking(move || read_info(&artifact, &name).ok().map(|info| info.profile));
    let profile = profile.await.map_err(|error| ArtifactError::Io(std::io::Error::other(error)))?;
    let bounds = Bounds::of(candidate.name.extent, profile);
    let request = Validate {
        folder: GUEST_FOLDER.to_owned(),
        artifact: candidate.name.to_string(),
        interpreter: layout::interpreter(&candidate.name),
        min_bytes: bounds.min,
        max_bytes: bounds.max,
        strict: !candidate.lenient,
        modules: layout::required_modules(&candidate.name.version),
        timeout_ms: if setup.is_emulated() { 900_000 } else { 60_000 },
    };
    let emit = |check: Check| context.events.emit(EventKind::Checked { check });
    Ok(session.validate(request, &context.cancel, emit).await?)
}

/// Sends a file if it is there: its absence is for the checks to report.
async fn send(context: &CommandContext, session: &Session, path: &Path) -> Result<(), Failure> {
    let Some(name) = path.file_name().filter(|_| path.is_file()) else { return Ok(()) };
    let total = fs_err::metadata(path).map_err(ArtifactError::Io)?.len();
    let phase = context.events.phase(Part::Validate, "send", name.to_string_lossy());
    let to = format!("{GUEST_FOLDER}/{}", name.to_string_lossy());
    let mut pace = Pace::default();
    let advanced = |bytes| {
        if pace.is_time() {
            phase.advance(bytes, Some(total), Unit::Bytes, "");
        }
    };
    session.put_file(path, &to, 0o644, &context.cancel, advanced).await?;
    phase.finish("");
    Ok(())
}
