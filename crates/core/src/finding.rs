//! Findings of `vmbuild doctor`.

use serde::Serialize;

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingStatus {
    /// Nothing to do.
    Ok,
    /// vmbuild works, with limitations.
    Warn,
    /// Something vmbuild does will not work.
    Fail,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its severity.
    pub status: FindingStatus,
    /// Its subject, a word or two.
    pub topic: String,
    /// The observation: a lowercase fragment.
    pub text: String,
    /// A way to solve it.
    #[serde(rename = "mend")]
    pub remedy: Option<String>,
    /// The command that fixes it, if there is one: `vmbuild doctor --fix` runs it.
    pub fix: Option<Vec<String>>,
}

impl Finding {
    /// A finding that needs no action.
    pub fn ok(topic: &str, text: impl Into<String>) -> Self {
        Self { status: FindingStatus::Ok, topic: topic.to_owned(), text: text.into(), remedy: None, fix: None }
    }

    /// A limitation.
    pub fn warn(topic: &str, text: impl Into<String>, remedy: &str) -> Self {
        Self {
            status: FindingStatus::Warn,
            topic: topic.to_owned(),
            text: text.into(),
            remedy: Some(remedy.to_owned()),
            fix: None,
        }
    }

    /// A failure.
    pub fn fail(topic: &str, text: impl Into<String>, remedy: &str) -> Self {
        Self {
            status: FindingStatus::Fail,
            topic: topic.to_owned(),
            text: text.into(),
            remedy: Some(remedy.to_owned()),
            fix: None,
        }
    }

    /// Adds the command that fixes it, if there is one.
    #[must_use]
    pub fn fixed_by(self, fix: Option<Vec<String>>) -> Self {
        Self { fix, ..self }
    }
}
