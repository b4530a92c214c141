//! Results of comparisons.

use serde::Serialize;

/// Outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyOutcome {
    /// It matches the record.
    Pass,
    /// It differs.
    Fail,
    /// There is nothing to compare.
    Absent,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedItem {
    /// The golden machine it concerns: `build`, `clean` or `both`.
    pub role: &'static str,
    /// The compared item.
    pub item: &'static str,
    /// The outcome.
    pub outcome: VerifyOutcome,
    /// The evidence.
    pub evidence: String,
}

impl VerifiedItem {
    pub(super) fn compared(role: &'static str, item: &'static str, same: bool, evidence: &str) -> Self {
        let outcome = if same { VerifyOutcome::Pass } else { VerifyOutcome::Fail };
        Self { role, item, outcome, evidence: evidence.to_owned() }
    }

    pub(super) fn absent(role: &'static str, item: &'static str, why: &str) -> Self {
        Self { role, item, outcome: VerifyOutcome::Absent, evidence: why.to_owned() }
    }
}

impl VerifyOutcome {
    /// The outcome as shown in a table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Absent => "-",
        }
    }
}
