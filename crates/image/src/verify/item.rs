//! One comparison.

use serde::Serialize;

/// How a comparison came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyOutcome {
    /// It is as it was recorded.
    Pass,
    /// It is not.
    Fail,
    /// There is nothing to compare.
    Absent,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedItem {
    /// The golden machine it concerns: `build`, `clean` or `both`.
    pub role: &'static str,
    /// What was compared.
    pub item: &'static str,
    /// How it came out.
    pub outcome: VerifyOutcome,
    /// What was found.
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
    /// The word for it in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Absent => "-",
        }
    }
}
