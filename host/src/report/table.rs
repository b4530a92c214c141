//! Tables: aligned columns, and the one of a validation's checks.

use super::paint::{ColorPaint, styled};
use anstyle::Style;
use vmbuild_protocol::{Check, Verdict};

/// One field of a table.
#[derive(Debug, Clone)]
pub struct TableCell {
    text: String,
    style: Style,
}

impl<T: Into<String>> From<T> for TableCell {
    fn from(text: T) -> Self {
        Self::new(text, Style::new())
    }
}

impl TableCell {
    /// `text` in a style of [`ColorPaint`].
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn padded(&self, width: usize) -> String {
        styled(self.style, &self.text) + &" ".repeat(width.saturating_sub(self.width()))
    }
}

/// Rows with every column as wide as its widest field, two spaces between; each row ends its line.
pub fn columns(rows: &[Vec<TableCell>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(TableCell::width).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<TableCell>| {
        let fields: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| cell.padded(*width)).collect();
        fields.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// The checks of a validation, one a row, and the count of their verdicts.
pub(super) fn check_table(checks: &[Check], paint: ColorPaint) -> String {
    let rows: Vec<Vec<TableCell>> = checks.iter().map(|check| row(check, paint)).collect();
    format!("{}{}\n", columns(&rows), verdicts(checks))
}

fn row(check: &Check, paint: ColorPaint) -> Vec<TableCell> {
    let (word, style) = match check.verdict {
        Verdict::Pass => ("PASS", paint.green()),
        Verdict::Warn => ("WARN", paint.yellow()),
        Verdict::Fail => ("FAIL", paint.red()),
    };
    let evidence = check.evidence.replace('\n', " ");
    vec![format!("{:2}", check.number).into(), check.name.as_str().into(), TableCell::new(word, style), evidence.into()]
}

/// `10 passed, 1 failed (exit 1)`.
fn verdicts(checks: &[Check]) -> String {
    let count = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (passed, warned, failed) = (count(Verdict::Pass), count(Verdict::Warn), count(Verdict::Fail));
    let mut words = vec![format!("{passed} passed")];
    if warned > 0 {
        words.push(format!("{warned} with a warning"));
    }
    if failed > 0 {
        words.push(format!("{failed} failed (exit 1)"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn check(number: u8, name: &str, verdict: Verdict, evidence: &str) -> Check {
        Check { number, name: name.to_owned(), verdict, evidence: evidence.to_owned() }
    }

    #[test]
    fn checks() {
        let checks = [
            check(1, "artifact exists", Verdict::Pass, "41.3 MB"),
            check(2, "checksum file", Verdict::Pass, "one line, names the artifact"),
            check(4, "size", Verdict::Warn, "312 MB is more than 200 MB"),
            check(7, "version", Verdict::Fail, "bin/python3.12 says 3.12.5,\nfile name says 3.12.6"),
            check(11, "pip", Verdict::Pass, ""),
        ];
        assert_snapshot!(check_table(&checks, ColorPaint::Bare), @r"
         1  artifact exists  PASS  41.3 MB
         2  checksum file    PASS  one line, names the artifact
         4  size             WARN  312 MB is more than 200 MB
         7  version          FAIL  bin/python3.12 says 3.12.5, file name says 3.12.6
        11  pip              PASS
        3 passed, 1 with a warning, 1 failed (exit 1)
        ");
        assert_snapshot!(check_table(&checks[..1], ColorPaint::Bare), @r"
         1  artifact exists  PASS  41.3 MB
        1 passed
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let rows = |paint: ColorPaint| {
            columns(&[vec![TableCell::new("a", paint.red()), "b".into()], vec!["ccc".into(), "d".into()]])
        };
        assert_eq!(rows(ColorPaint::Bare), "a    b\nccc  d\n");
        assert_eq!(
            rows(ColorPaint::Coloured).replace("\u{1b}[1m\u{1b}[31m", "").replace("\u{1b}[0m", ""),
            rows(ColorPaint::Bare)
        );
    }
}
