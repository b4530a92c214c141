//! What one check found, and what that means for the report.

use crate::request::RequestContext;
use vmbuild_protocol::{Check, Progress, Verdict};

/// Names of the checks, by number from 1.
const NAMES: [&str; 11] = [
    "artifact exists",
    "checksum file",
    "sha256",
    "size",
    "structure",
    "binaries",
    "version",
    "native modules",
    "pip",
    "build info",
    "licence",
];

/// What a check found, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CheckOutcome {
    /// As it must be.
    Pass(String),
    /// Not as it should be: a warning, or a failure for a strict request.
    Amiss(String),
    /// Not as it must be.
    Fail(String),
}

impl From<Result<String, String>> for CheckOutcome {
    fn from(result: Result<String, String>) -> Self {
        result.map_or_else(Self::Fail, Self::Pass)
    }
}

/// The checks so far. Each is told to the host as it ends.
pub(super) struct CheckReport<'a> {
    request: &'a RequestContext,
    on_amiss: Verdict,
    checks: Vec<Check>,
}

impl<'a> CheckReport<'a> {
    pub(super) fn new(request: &'a RequestContext, strict: bool) -> Self {
        let on_amiss = if strict { Verdict::Fail } else { Verdict::Warn };
        Self { request, on_amiss, checks: Vec::with_capacity(NAMES.len()) }
    }

    /// Adds the next check.
    pub(super) async fn add(&mut self, outcome: impl Into<CheckOutcome>) {
        let (verdict, evidence) = match outcome.into() {
            CheckOutcome::Pass(evidence) => (Verdict::Pass, evidence),
            CheckOutcome::Amiss(evidence) => (self.on_amiss, evidence),
            CheckOutcome::Fail(evidence) => (Verdict::Fail, evidence),
        };
        let index = self.checks.len();
        let number = u8::try_from(index + 1).expect("there are eleven checks");
        let check = Check { number, name: NAMES[index].to_owned(), verdict, evidence };
        self.request.progress(Progress::Checked(check.clone())).await;
        self.checks.push(check);
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
