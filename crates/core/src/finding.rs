//! One thing the doctor looked at.

use serde::Serialize;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// vmbuild works, but less well.
    Warn,
    /// Something vmbuild does will not work.
    Fail,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is.
    pub status: Status,
    /// What was looked at: a word or two.
    pub topic: String,
    /// What was seen: a lowercase fragment.
    pub text: String,
    /// What to do about it.
    pub mend: Option<String>,
    /// The command that does it, where one does: `vmbuild doctor --fix` runs it.
    pub fix: Option<Vec<String>>,
}

impl Finding {
    /// Nothing to do.
    pub fn ok(topic: &str, text: impl Into<String>) -> Self {
        Self { status: Status::Ok, topic: topic.to_owned(), text: text.into(), mend: None, fix: None }
    }

    /// It could be better.
    pub fn warn(topic: &str, text: impl Into<String>, mend: &str) -> Self {
        Self {
            status: Status::Warn,
            topic: topic.to_owned(),
            text: text.into(),
            mend: Some(mend.to_owned()),
            fix: None,
        }
    }

    /// Something will not work.
    pub fn fail(topic: &str, text: impl Into<String>, mend: &str) -> Self {
        Self {
            status: Status::Fail,
            topic: topic.to_owned(),
            text: text.into(),
            mend: Some(mend.to_owned()),
            fix: None,
        }
    }

    /// With the command that mends it, if there is one.
    #[must_use]
    pub fn fixed_by(self, fix: Option<Vec<String>>) -> Self {
        Self { fix, ..self }
    }
}
