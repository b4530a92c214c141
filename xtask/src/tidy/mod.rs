//! The rules of this repository that no compiler enforces. Each rule is a file; each finding names a place.

mod dependencies;
mod edges;
mod names;
mod places;
pub(crate) mod protocol;
mod size;
mod streams;
mod tree;
mod words;

use crate::workspace::{TaskError, say};
use std::path::Path;
use tree::SourceTree;

/// Applies every rule and prints its findings.
pub(crate) fn run(root: &Path) -> Result<(), TaskError> {
    let findings = check(root)?;
    for finding in &findings {
        say(finding);
    }
    if findings.is_empty() { Ok(()) } else { Err(TaskError::Untidy(findings.len())) }
}

fn check(root: &Path) -> Result<Vec<String>, TaskError> {
    let tree = SourceTree::read(root)?;
    let rules = [
        size::check,
        words::check,
        places::check,
        edges::check,
        names::check,
        streams::check,
        protocol::check,
        dependencies::check,
    ];
    Ok(rules.iter().flat_map(|rule| rule(&tree)).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        let findings = super::check(&crate::workspace::root()).expect("the repository can be read");
        assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
    }
}
