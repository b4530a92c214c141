//! Results as a table for docs/benchmarks.md.

use std::time::Duration;

/// One measured thing.
#[derive(Debug, Clone)]
pub(super) struct TableRow {
    pub(super) what: String,
    /// Duration, if the row has one.
    pub(super) took: Option<Duration>,
    pub(super) bytes: Option<u64>,
    /// A remark for the reader.
    pub(super) remark: String,
}

impl TableRow {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), took: None, bytes: None, remark: String::new() }
    }

    pub(super) fn took(self, took: Duration) -> Self {
        Self { took: Some(took), ..self }
    }

    pub(super) fn bytes(self, bytes: u64) -> Self {
        Self { bytes: Some(bytes), ..self }
    }

    pub(super) fn remark(self, remark: impl Into<String>) -> Self {
        Self { remark: remark.into(), ..self }
    }
}

/// The rows as Markdown.
pub(super) fn markdown(rows: &[TableRow]) -> String {
    let line = |row: &TableRow| {
        let took = row.took.map(|took| format!("{:.1} s", took.as_secs_f64())).unwrap_or_default();
        let bytes = row.bytes.map(|bytes| format!("{:.1} MB", bytes as f64 / 1e6)).unwrap_or_default();
        format!("| {} | {took} | {bytes} | {} |\n", row.what, row.remark)
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    format!("| what | time | size | |\n|---|---:|---:|---|\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::{TableRow, markdown};
    use insta::assert_snapshot;
    use std::time::Duration;

    #[test]
    fn rows_become_markdown() {
        let rows = [
            TableRow::new("disk").took(Duration::from_millis(1250)).bytes(170_000_000),
            TableRow::new("mkosi").remark("failed"),
        ];
        assert_snapshot!(markdown(&rows), @r"
        | what | time | size | |
        |---|---:|---:|---|
        | disk | 1.2 s | 170.0 MB |  |
        | mkosi |  |  | failed |
        ");
    }
}
