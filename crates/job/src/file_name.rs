//! Names that inputs, outputs and logs have in a folder.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A plain file name: one component, no leading dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobFileName(String);

/// The text is not a plain file name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid file name `{0}` (expected letters, digits and `._+-`, not beginning with a dot)")]
pub struct JobFileNameError(String);

impl JobFileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// True if a text can be a file's name in a job's folder.
pub(crate) fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    !text.is_empty() && text.len() <= 200 && !text.starts_with('.') && text.chars().all(allowed)
}

impl FromStr for JobFileName {
    type Err = JobFileNameError;

    fn from_str(text: &str) -> Result<Self, JobFileNameError> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for JobFileName {
    type Error = JobFileNameError;

    fn try_from(text: String) -> Result<Self, JobFileNameError> {
        if is_plain(&text) { Ok(Self(text)) } else { Err(JobFileNameError(text)) }
    }
}

impl From<JobFileName> for String {
    fn from(name: JobFileName) -> Self {
        name.0
    }
}

impl fmt::Display for JobFileName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::JobFileName;

    #[test]
    fn only_plain_names_are_accepted() {
        let check = |text: &str, expect| assert_eq!(text.parse::<JobFileName>().is_ok(), expect, "`{text}`");
        check("hello.c", true);
        check("libstdc++-6.so", true);
        for refused in ["", ".", "..", ".lock", "a/b", "../a", "a b", "a\n", "é", &"x".repeat(201)] {
            check(refused, false);
        }
    }
}
