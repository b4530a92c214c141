//! Steps of a build with GCC's analyzer, and the collection of its findings.

use super::StepBuilder;
use crate::flavour::{ANALYZER_GB, FINDINGS};
use vmbuild_protocol::{Action, Step};

/// Compiler wrapper that runs the analyzer within a memory limit.
pub(super) const ANALYZE: &str = include_str!("../../../../provision/cpython/analyze.sh");
const ANALYZE_FILE: &str = "analyze.sh";

/// Minimum number of findings files: there is one per compiled file, and CPython has far more.
const FEWEST_FINDINGS: u32 = 100;

impl StepBuilder<'_> {
    pub(super) fn analyzer(&self) -> Step {
        self.write("analyzer", ANALYZE_FILE, ANALYZE)
    }

    /// The compilation. Only make uses the analyzer, so extensions and configure's own test programs are compiled without.
    pub(super) fn analyzed(&self) -> Step {
        self.make_with("compile", &[&format!("CC=sh ./{ANALYZE_FILE} {ANALYZER_GB} gcc")], "build_all", 240)
    }

    /// Collects the analyzer's findings, one file per compiled file.
    pub(super) fn findings(&self, installed: &str) -> [Step; 3] {
        let (folder, suffix) = (format!("{installed}/{FINDINGS}"), ".sarif");
        let [make, copy] = self.collect(["findings-folder", "collect-findings"], "*.sarif", &folder);
        let otherwise = "the analyzer left too few findings".to_owned();
        let action =
            Action::RequireFiles { under: folder, suffix: suffix.to_owned(), at_least: FEWEST_FINDINGS, otherwise };
        [make, copy, Step { name: "findings".to_owned(), action }]
    }
}
