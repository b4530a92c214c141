//! All checks, in order.

use super::checks::{
    binaries, build_info, checksum_file, exists, license, native_modules, pip, sha256, size, structure, version,
};
use super::report::{CheckReport, CheckResult};
use super::subject::CheckSubject;
use crate::failure::failure;
use crate::request::RequestContext;
use vmbuild_cpython::{CHECKS, CheckKind};
use vmbuild_protocol::{Check, FailureKind, RequestFailure, Validate};

/// Runs every check, reporting each as it ends. Fails itself only if it is cancelled or the request is invalid:
/// every flaw of the artifact is a check's verdict.
pub async fn validate(request: &RequestContext, validate: Validate) -> Result<Vec<Check>, RequestFailure> {
    let subject = CheckSubject::new(request, &validate)?;
    let checks = run_all(&subject).await;
    subject.remove_tree().await;
    checks
}

async fn run_all(subject: &CheckSubject<'_>) -> Result<Vec<Check>, RequestFailure> {
    let mut report = CheckReport::new(subject.request, subject.order.strict);
    for kind in CHECKS {
        if subject.request.cancel.is_cancelled() {
            return Err(failure(FailureKind::Cancelled, "the checks were cancelled"));
        }
        report.add(kind, run_check(kind, subject).await).await?;
    }
    Ok(report.into_checks())
}

async fn run_check(kind: CheckKind, subject: &CheckSubject<'_>) -> CheckResult {
    match kind {
        CheckKind::Exists => exists::check(subject),
        CheckKind::ChecksumFile => checksum_file::check(subject),
        CheckKind::Sha256 => sha256::check(subject).await,
        CheckKind::Size => size::check(subject),
        CheckKind::Structure => structure::check(subject).await,
        CheckKind::Binaries => binaries::check(subject).await,
        CheckKind::Version => version::check(subject).await,
        CheckKind::NativeModules => native_modules::check(subject).await,
        CheckKind::Pip => pip::check(subject).await,
        CheckKind::BuildInfo => build_info::check(subject).await,
        CheckKind::License => license::check(subject).await,
    }
}
