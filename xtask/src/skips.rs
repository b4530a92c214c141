//! Tests that could not run print `skipped: reason` and pass. Rust's test harness has no such outcome, so they are
//! counted from their output, which nextest keeps in its `JUnit` report.

/// A test that skipped itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SkippedTest {
    pub(crate) test: String,
    pub(crate) reason: String,
}

/// All skips in a `JUnit` report, in its order.
pub(crate) fn of(report: &str) -> Vec<SkippedTest> {
    let mut test = String::new();
    let mut skips = Vec::new();
    for line in report.lines() {
        if let Some(name) = line.trim_start().strip_prefix("<testcase name=\"").and_then(|rest| rest.split('"').next())
        {
            test = unescaped(name);
        }
        if let Some(reason) = reason(line) {
            skips.push(SkippedTest { test: test.clone(), reason });
        }
    }
    skips.dedup();
    skips
}

/// The rest of a line after `skipped: ` at its start, at the start of an XML element's text (standard error),
/// or after the harness's own unfinished line (standard output).
fn reason(line: &str) -> Option<String> {
    let (before, rest) = line.split_once("skipped: ")?;
    let own = before.is_empty() || before.ends_with('>') || before.ends_with(" ... ");
    own.then(|| unescaped(rest.split("</").next().unwrap_or(rest)).trim_end().to_owned())
}

fn unescaped(xml: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#10;", " "), ("&amp;", "&")];
    pairs.iter().fold(xml.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_print() {
        let report = r#"<testsuite name="vmbuild::qemu">
        <testcase name="qemu_boots" classname="vmbuild::qemu" time="0.1">
            <system-out>
running 1 test
test qemu_boots ... ok
</system-out>
            <system-err>skipped: no `qemu-img` &amp; no kernel
</system-err>
        </testcase>
        <testcase name="tests::other" time="0.1">
            <system-out>test tests::other ... skipped: needs root
ok</system-out>
            <system-err></system-err>
        </testcase>
        <testcase name="tests::third" time="0.1">
            <system-out>checks that were skipped: none</system-out>
        </testcase>
</testsuite>"#;
        let skip = |test: &str, reason: &str| SkippedTest { test: test.to_owned(), reason: reason.to_owned() };
        let expect = [skip("qemu_boots", "no `qemu-img` & no kernel"), skip("tests::other", "needs root")];
        assert_eq!(of(report), expect);
    }
}
