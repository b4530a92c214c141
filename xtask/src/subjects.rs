//! Subjects of the commits that a branch adds to `main`: `git log --oneline` is read more often than it is written.

use crate::workspace::{TaskError, Workspace, say};
use std::ffi::OsStr;

const LONGEST: usize = 72;

/// Branches that a change may be compared with, the first that exists.
const BASES: [&str; 2] = ["origin/main", "main"];

pub(crate) async fn check(workspace: &Workspace) -> Result<(), TaskError> {
    let Some(subjects) = added(workspace).await else {
        say("skipped: no branch `main` to compare commit subjects with");
        return Ok(());
    };
    let findings: Vec<String> = subjects.lines().filter_map(finding).collect();
    for finding in &findings {
        say(finding);
    }
    if findings.is_empty() { Ok(()) } else { Err(TaskError::Untidy(findings.len())) }
}

/// The subjects of commits that are not in the base branch, merges left out. `None` without git or without a base.
async fn added(workspace: &Workspace) -> Option<String> {
    let git = |arguments: &[&OsStr]| workspace.program("git").args(arguments);
    for base in BASES {
        let range = format!("{base}..HEAD");
        let arguments = ["log", "--no-merges", "--format=%s", &range, "--"].map(OsStr::new);
        if let Ok(subjects) = workspace.read(git(&arguments)).await {
            return Some(subjects);
        }
    }
    None
}

fn finding(subject: &str) -> Option<String> {
    let length = subject.chars().count();
    let problem = if length > LONGEST {
        format!("has {length} characters, at most {LONGEST}")
    } else if subject.ends_with('.') {
        "ends with a full stop".to_owned()
    } else if !subject.starts_with(char::is_uppercase) {
        "does not begin with a capital letter".to_owned()
    } else {
        return None;
    };
    Some(format!("commit subject {problem}: {subject}"))
}

#[cfg(test)]
mod tests {
    fn check(subject: &str, expect: Option<&str>) {
        let expect = expect.map(|problem| format!("commit subject {problem}: {subject}"));
        assert_eq!(super::finding(subject), expect);
    }

    #[test]
    fn subjects() {
        check("Split the host crate into libraries below crates/", None);
        check(&format!("A{}", "b".repeat(71)), None);
        check(&format!("A{}", "é".repeat(72)), Some("has 73 characters, at most 72"));
        check("Split the host crate.", Some("ends with a full stop"));
        check("docs: two trainings", Some("does not begin with a capital letter"));
    }
}
