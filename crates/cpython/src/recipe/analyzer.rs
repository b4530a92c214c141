//! The steps of a build that GCC's analyzer looks at, and what it found.

use super::Site;
use crate::flavour::{ANALYZER_GB, FINDINGS};
use vmbuild_protocol::{Action, Step};

/// The compiler, with the analyzer as far as memory goes.
pub(super) const ANALYZE: &str = include_str!("../../../../provision/cpython/analyze.sh");
const ANALYZE_FILE: &str = "analyze.sh";

/// An analyzer that looked at fewer files has not looked at CPython: each that is compiled leaves one.
const FEWEST_FINDINGS: u32 = 100;

impl Site<'_> {
    pub(super) fn analyzer(&self) -> Step {
        self.write("analyzer", ANALYZE_FILE, ANALYZE)
    }

    /// The compilation. Only make is told of the analyzer, so extensions and configure's own programs are compiled without.
    pub(super) fn analyzed(&self) -> Step {
        self.make_with("compile", &[&format!("CC=sh ./{ANALYZE_FILE} {ANALYZER_GB} gcc")], "build_all", 240)
    }

    /// What the analyzer found, one file for each that was compiled.
    pub(super) fn findings(&self, installed: &str) -> [Step; 3] {
        let (folder, suffix) = (format!("{installed}/{FINDINGS}"), ".sarif");
        let [make, copy] = self.collect(["findings-folder", "collect-findings"], "*.sarif", &folder);
        let otherwise = "the analyzer left too few findings".to_owned();
        let action =
            Action::RequireFiles { under: folder, suffix: suffix.to_owned(), at_least: FEWEST_FINDINGS, otherwise };
        [make, copy, Step { name: "findings".to_owned(), action }]
    }
}
