//! `validate`: the checks on an artifact, in a machine that has no compiler.

use crate::artifact_file::ArtifactFile;
use crate::reproduce::read_info;
use crate::sweep;
use std::path::{Path, PathBuf};
use vmbuild_core::blocking;
use vmbuild_core::context::Context;
use vmbuild_core::event::{EventKind, Part, TableUse};
use vmbuild_core::failure::Failure;
use vmbuild_cpython::{ArtifactName, CHECKS, SizeBounds, layout};
use vmbuild_image::GoldenRole;
use vmbuild_job::{JobGuest, JobPlace, MachineRequest, MachineSetup};
use vmbuild_protocol::{Check, Validate, Verdict};

/// Folder of the artifact in the guest.
const GUEST_FOLDER: &str = "/validate";

/// A request to validate an artifact.
#[derive(Debug, Clone)]
pub struct ValidateRequest {
    /// The tarball; its checksum file is next to it.
    pub artifact: PathBuf,
    /// Image, backend and size of the machine.
    pub machine: MachineRequest,
    /// True if checks that depend on the strictness only warn.
    pub lenient: bool,
}

/// Verdicts on an artifact.
#[derive(Debug)]
pub struct ValidateOutcome {
    /// The artifact's name.
    pub name: ArtifactName,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

impl ValidateOutcome {
    /// True if every check was run and none failed.
    pub fn passed(&self) -> bool {
        passed(&self.checks)
    }
}

/// An artifact to check, with the name it claims.
#[derive(Debug)]
pub(crate) struct ValidationCandidate {
    /// The tarball; `<it>.sha256` is next to it.
    pub(crate) artifact: PathBuf,
    /// The name it claims.
    pub(crate) name: ArtifactName,
    /// True if checks that depend on the strictness only warn.
    pub(crate) lenient: bool,
}

/// Runs the checks on an artifact in a clean machine.
pub async fn validate(context: &Context, request: ValidateRequest) -> Result<ValidateOutcome, Failure> {
    sweep(context).await?;
    let ArtifactFile { path, name } = ArtifactFile::at(&request.artifact)?;
    let setup = MachineSetup::decide(context, &request.machine).await?;
    let candidate = ValidationCandidate { artifact: path, name, lenient: request.lenient };
    let checks = in_clean_machine(context, &setup, &candidate).await?;
    let (artifact, verdicts) = (candidate.name.to_string(), checks.clone());
    context.events.emit(EventKind::Validated { artifact, checks: verdicts, shown: TableUse::AsData });
    Ok(ValidateOutcome { name: candidate.name, checks })
}

/// Every check was run and none failed.
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
    context: &Context,
    setup: &MachineSetup,
    candidate: &ValidationCandidate,
) -> Result<Vec<Check>, Failure> {
    let golden = setup.golden(context, GoldenRole::Clean).await?;
    let phase = context.events.phase(Part::Validate, "checks", candidate.name.to_string());
    let machine = JobPlace { context, setup, golden: &golden }.boot().await?;
    let checks = machine.run(None, async |guest| check(guest, setup, candidate).await).await?;
    let good = checks.iter().filter(|check| check.verdict == Verdict::Pass).count();
    phase.finish(format!("{good} of {} passed in a clean machine", checks.len()));
    Ok(checks)
}

async fn check(
    guest: JobGuest<'_>,
    setup: &MachineSetup,
    candidate: &ValidationCandidate,
) -> Result<Vec<Check>, Failure> {
    let checksum = candidate.artifact.with_file_name(layout::checksum_file(&candidate.name));
    for path in [&candidate.artifact, &checksum] {
        send(guest, path).await?;
    }
    // An artifact without a readable profile is measured as a release: another check reports its missing build info.
    let (artifact, name) = (candidate.artifact.clone(), candidate.name.clone());
    let profile = blocking(move || read_info(&artifact, &name).ok().map(|info| info.profile)).await;
    let bounds = SizeBounds::of(candidate.name.extent, profile);
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
    let emit = |check: Check| guest.context.events.emit(EventKind::Checked { check });
    Ok(guest.session.validate(request, &guest.context.cancel, emit).await?)
}

/// Sends a file if it is there: its absence is for the checks to report.
async fn send(guest: JobGuest<'_>, path: &Path) -> Result<(), Failure> {
    let Some(name) = path.file_name().filter(|_| path.is_file()) else { return Ok(()) };
    let phase = guest.context.events.phase(Part::Validate, "send", name.to_string_lossy());
    guest.send(&phase, path, &format!("{GUEST_FOLDER}/{}", name.to_string_lossy()), 0o644).await?;
    phase.finish("");
    Ok(())
}
