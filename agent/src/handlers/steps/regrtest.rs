//! Reading the output of CPython's regression tests (`python -m test`).
//!
//! ```text
//! 0:00:05 load avg: 1.95 [ 7/44] test_bytes            the 7th of 44; with failures so far: [ 7/44/1]
//! test test_generators failed                          as it happens
//! 1 test failed:                                       in the end, but not with --pgo before 3.12
//!     test_generators
//! Result: SUCCESS                                      before 3.12: Tests result: SUCCESS
//! second: 0:00:05 load avg: 1.95 [ 3/11] test_json     of a second, concurrent run
//! ```

use std::collections::BTreeSet;

/// Prefix of each line of a second run.
const SECOND: &str = "second: ";

/// State of a run, and of a second, concurrent one.
#[derive(Debug, Default)]
pub(super) struct RegressionTests {
    first: TestRun,
    second: Option<TestRun>,
}

#[derive(Debug, Default)]
struct TestRun {
    /// Tests begun (one process) or ended (several).
    done: u64,
    /// All tests, once known.
    total: Option<u64>,
    failed: BTreeSet<String>,
    in_list: bool,
    result: Option<String>,
}

impl RegressionTests {
    /// Takes the next line.
    pub(super) fn line(&mut self, line: &str) {
        match line.strip_prefix(SECOND) {
            Some(line) => self.second.get_or_insert_default().line(line),
            None => self.first.line(line),
        }
    }

    /// Tests begun or ended, and all tests, once known.
    pub(super) fn counted(&self) -> (u64, Option<u64>) {
        (self.runs().map(|run| run.done).sum(), self.runs().map(|run| run.total).sum())
    }

    /// Which tests failed, as far as they were named.
    pub(super) fn failures(&self) -> Option<String> {
        let names: BTreeSet<&str> = self.runs().flat_map(|run| &run.failed).map(String::as_str).collect();
        let (_, total) = self.counted();
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        let noun = if total.unwrap_or(names.len() as u64) == 1 { "test" } else { "tests" };
        let names: Vec<&str> = names.into_iter().collect();
        (!names.is_empty()).then(|| format!("{}{of} {noun} failed ({})", names.len(), names.join(", ")))
    }

    /// Why a run that exited with 0 does not convince, if so.
    pub(super) fn doubt(&self) -> Option<String> {
        self.runs().find_map(TestRun::doubt)
    }

    fn runs(&self) -> impl Iterator<Item = &TestRun> {
        std::iter::once(&self.first).chain(&self.second)
    }
}

impl TestRun {
    fn line(&mut self, line: &str) {
        if self.in_list && line.starts_with("    ") {
            self.failed.extend(line.split_ascii_whitespace().map(str::to_owned));
            return;
        }
        self.in_list = is_list_of_failures(line);
        if let Some((done, total)) = counter(line) {
            (self.done, self.total) = (done, Some(total));
        } else if let Some(name) = failing(line) {
            self.failed.insert(name.to_owned());
        } else if let Some(result) = result(line) {
            self.result = Some(result.to_owned());
        }
    }

    fn doubt(&self) -> Option<String> {
        match (self.result.as_deref(), self.total) {
            (None, _) => Some("the regression tests ended without a result".to_owned()),
            (Some("SUCCESS"), Some(total)) if self.done < total => {
                Some(format!("only {} of {total} regression tests ran", self.done))
            }
            (Some("SUCCESS"), _) => None,
            (Some(other), _) => Some(format!("the regression tests reported `Result: {other}`")),
        }
    }
}

/// `[ 7/44]` or `[ 7/44/1]`, at the start of the line or after a time stamp.
fn counter(line: &str) -> Option<(u64, u64)> {
    let (before, rest) = line.split_once('[')?;
    let stamped = before.contains(':') && before.starts_with(|c: char| c.is_ascii_digit());
    if !stamped && !before.is_empty() {
        return None;
    }
    let mut numbers = rest.split_once(']')?.0.split('/').map(|number| number.trim().parse().ok());
    let (done, total) = (numbers.next()??, numbers.next()??);
    let more: Vec<Option<u64>> = numbers.collect();
    (more.len() <= 1 && more.iter().all(Option::is_some)).then_some((done, total))
}

fn is_list_of_failures(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    matches!(words.as_slice(), [count, "test" | "tests", "failed:"] if count.parse::<u64>().is_ok())
}

/// `test <name> failed`, possibly with more text.
fn failing(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    match (words.next()?, words.next()?, words.next()?) {
        ("test", name, "failed" | "crashed") => Some(name),
        _ => None,
    }
}

fn result(line: &str) -> Option<&str> {
    let line = line.trim_matches(|c: char| c == '=' || c.is_whitespace());
    line.strip_prefix("Result: ").or_else(|| line.strip_prefix("Tests result: ")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{RegressionTests, counter};

    fn read(output: &str) -> RegressionTests {
        let mut tests = RegressionTests::default();
        output.lines().for_each(|line| tests.line(line));
        tests
    }

    #[test]
    fn counters_are_found() {
        let cases = [
            ("0:00:05 load avg: 1.95 [ 7/44] test_bytes", Some((7, 44))),
            ("0:00:05 load avg: 1.95 [ 7/44/1] test_bytes", Some((7, 44))),
            ("0:01:05 [44/44] test_zipfile passed", Some((44, 44))),
            ("0:00:41 load avg: 2.11 mem: 1.2 GiB [17/44/2] test_x failed (1 failure)", Some((17, 44))),
            ("[ 1/44] test_array", Some((1, 44))),
            ("see [1/2] there", None),
            ("0:00:05 [seven/44] x", None),
            ("0:00:05 [1/2/3/4] x", None),
            ("0:00:05 [12] x", None),
            ("", None),
        ];
        for (line, expect) in cases {
            assert_eq!(counter(line), expect, "{line}");
        }
    }

    #[test]
    fn both_wordings_of_success_convince() {
        let newer = "0:00:00 load avg: 0.2 TestRun 2 tests sequentially in a single process\n0:00:00 load avg: 0.2 [1/2] test_a\n\
                     0:00:01 load avg: 0.2 [2/2] test_b\n\nTotal duration: 31.4 sec\nTotal tests: run=8 skipped=1\nResult: SUCCESS\n";
        let older =
            "0:00:00 [1/1] test_a\n\n== Tests result: SUCCESS ==\n\nTotal duration: 1 sec\nTests result: SUCCESS\n";
        assert_eq!(read(newer).doubt(), None);
        assert_eq!(read(newer).counted(), (2, Some(2)));
        assert_eq!(read(older).doubt(), None);
    }

    #[test]
    fn everything_else_does_not_convince() {
        let cases = [
            ("", "the regression tests ended without a result"),
            ("0:00:00 [1/1] test_a\n", "the regression tests ended without a result"),
            ("Result: FAILURE\n", "the regression tests reported `Result: FAILURE`"),
            ("Result: NO TESTS RAN\n", "the regression tests reported `Result: NO TESTS RAN`"),
            ("Result: FAILURE then SUCCESS\n", "the regression tests reported `Result: FAILURE then SUCCESS`"),
            ("Result: SUCCESS\nResult: INTERRUPTED\n", "the regression tests reported `Result: INTERRUPTED`"),
            ("0:00:00 [40/44] test_a\nResult: SUCCESS\n", "only 40 of 44 regression tests ran"),
        ];
        for (output, expect) in cases {
            assert_eq!(read(output).doubt().as_deref(), Some(expect), "{output}");
        }
    }

    #[test]
    fn two_runs_are_told_apart() {
        let begun = "0:00:00 [1/2] test_a\nsecond: Using random seed: 1\n";
        assert_eq!(read(begun).counted(), (1, None));
        let well =
            "0:00:00 [1/2] test_a\nsecond: 0:00:00 [1/1] test_b\n0:00:01 [2/2] test_c\nsecond: Result: SUCCESS\n";
        assert_eq!(read(well).counted(), (3, Some(3)));
        assert_eq!(read(well).doubt().as_deref(), Some("the regression tests ended without a result"));
        assert_eq!(read(&format!("{well}Result: SUCCESS\n")).doubt(), None);
        let ended = "0:00:00 [1/1] test_a\nResult: SUCCESS\ntest test_a failed\nsecond: 1 test failed:\nsecond:     test_b\n\
                     second: Result: ended with 139\n";
        assert_eq!(read(ended).doubt().as_deref(), Some("the regression tests reported `Result: ended with 139`"));
        assert_eq!(read(ended).failures().as_deref(), Some("2 tests failed (test_a, test_b)"));
    }

    #[test]
    fn failing_tests_are_named() {
        let listed =
            "0:00:01 [44/44/2] test_z\n\n2 tests failed:\n    test_generators\n    test_ssl test_x\n\n42 tests OK.\n";
        assert_eq!(
            read(listed).failures().as_deref(),
            Some("3 of 44 tests failed (test_generators, test_ssl, test_x)")
        );
        let running = "0:00:01 [9/44] test_g\ntest test_generators failed -- Traceback\n0:00:02 [10/44/1] test_h\n";
        assert_eq!(read(running).failures().as_deref(), Some("1 of 44 tests failed (test_generators)"));
        assert_eq!(read("Result: SUCCESS\n").failures(), None);
    }
}
