//! The doctor's findings, as a table and as JSON.

use super::paint::ColorPaint;
use super::table::{TableCell, columns};
use vmbuild_core::finding::{Finding, FindingStatus};

/// One row a finding, its remedy below it.
pub fn finding_table(findings: &[Finding], paint: ColorPaint) -> String {
    let rows: Vec<Vec<TableCell>> = findings.iter().flat_map(|finding| rows(finding, paint)).collect();
    columns(&rows)
}

fn rows(finding: &Finding, paint: ColorPaint) -> Vec<Vec<TableCell>> {
    let (word, style) = match finding.status {
        FindingStatus::Ok => ("ok", paint.green()),
        FindingStatus::Warn => ("warn", paint.yellow()),
        FindingStatus::Fail => ("FAIL", paint.red()),
    };
    let first = vec![TableCell::new(word, style), finding.topic.as_str().into(), finding.text.as_str().into()];
    let remedy =
        finding.remedy.as_deref().map(|remedy| vec!["".into(), "".into(), TableCell::new(remedy, paint.cyan())]);
    std::iter::once(first).chain(remedy).collect()
}

/// One JSON object a line.
pub fn finding_json(findings: &[Finding]) -> String {
    // A finding holds only strings, which always become JSON.
    let line = |finding| serde_json::to_string(finding).unwrap_or_default() + "\n";
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok("mmdebstrap", "1.3.5"),
            Finding::warn("disk", "4.2 GB free in the store", "`vmbuild clean` frees space"),
            Finding::fail("qemu-img", "missing: makes overlay disks", "`make deps` installs it"),
        ]
    }

    #[test]
    fn table() {
        assert_snapshot!(finding_table(&findings(), ColorPaint::Bare), @r"
        ok    mmdebstrap  1.3.5
        warn  disk        4.2 GB free in the store
                          `vmbuild clean` frees space
        FAIL  qemu-img    missing: makes overlay disks
                          `make deps` installs it
        ");
    }

    #[test]
    fn json() {
        assert_snapshot!(finding_json(&findings()), @r#"
        {"status":"ok","topic":"mmdebstrap","text":"1.3.5","mend":null,"fix":null}
        {"status":"warn","topic":"disk","text":"4.2 GB free in the store","mend":"`vmbuild clean` frees space","fix":null}
        {"status":"fail","topic":"qemu-img","text":"missing: makes overlay disks","mend":"`make deps` installs it","fix":null}
        "#);
    }
}
