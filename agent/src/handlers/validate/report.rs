//! Results of the checks, and the verdicts that follow from them.

use crate::request::RequestContext;
use vmbuild_cpython::CheckKind;
use vmbuild_cpython::checks::CheckSeverity;
use vmbuild_protocol::{Check, Progress, RequestFailure, Verdict};

/// The evidence that an artifact passes a check, or the reason why it does not.
pub(super) type CheckResult = Result<String, CheckError>;

/// Why a check did not pass.
#[derive(Debug)]
pub(super) enum CheckError {
    /// The artifact does not meet it: as grave as the check is.
    NotMet(String),
    /// The subject of the check is missing: a failure, however lenient the check.
    NothingToCheck(String),
    /// No check can go on, such as after a cancel.
    Aborted(RequestFailure),
}

impl From<String> for CheckError {
    fn from(flaw: String) -> Self {
        Self::NotMet(flaw)
    }
}

impl From<RequestFailure> for CheckError {
    fn from(failure: RequestFailure) -> Self {
        Self::Aborted(failure)
    }
}

/// The checks so far. Each is reported to the host as it ends.
pub(super) struct CheckReport<'a> {
    request: &'a RequestContext,
    is_strict: bool,
    checks: Vec<Check>,
}

impl<'a> CheckReport<'a> {
    pub(super) fn new(request: &'a RequestContext, is_strict: bool) -> Self {
        Self { request, is_strict, checks: Vec::new() }
    }

    /// Adds the result of a check. Fails only if no check can go on.
    pub(super) async fn add(&mut self, kind: CheckKind, result: CheckResult) -> Result<(), RequestFailure> {
        let (verdict, evidence) = match result {
            Ok(evidence) => (Verdict::Pass, evidence),
            Err(CheckError::NotMet(flaw)) => (self.verdict_if_not_met(kind), flaw),
            Err(CheckError::NothingToCheck(reason)) => (Verdict::Fail, reason),
            Err(CheckError::Aborted(failure)) => return Err(failure),
        };
        let check = Check { number: kind.number(), name: kind.name().to_owned(), verdict, evidence };
        self.request.send_progress(Progress::Checked(check.clone())).await;
        self.checks.push(check);
        Ok(())
    }

    fn verdict_if_not_met(&self, kind: CheckKind) -> Verdict {
        match kind.severity() {
            CheckSeverity::FailsIfStrict if !self.is_strict => Verdict::Warn,
            CheckSeverity::Fails | CheckSeverity::FailsIfStrict => Verdict::Fail,
        }
    }

    pub(super) fn into_checks(self) -> Vec<Check> {
        self.checks
    }
}

/// A size for people, in decimal units.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
