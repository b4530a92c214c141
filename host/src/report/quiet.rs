//! For scripts: warnings, errors and data, and nothing else.

use super::paint::{ColorPaint, styled};
use super::run::EventReporter;
use super::table::check_table;
use super::{error, output};
use std::io::Write;
use vmbuild_core::event::{Event, EventKind, TableUse};
use vmbuild_core::failure::OutputError;

pub(super) struct Quiet<O, E> {
    stdout: O,
    stderr: E,
    paint: ColorPaint,
}

impl<O: Write, E: Write> Quiet<O, E> {
    pub(super) fn new(stdout: O, stderr: E, paint: ColorPaint) -> Self {
        Self { stdout, stderr, paint }
    }
}

impl<O: Write + Send, E: Write + Send> EventReporter for Quiet<O, E> {
    fn event(&mut self, event: &Event) -> Result<(), OutputError> {
        match &event.kind {
            EventKind::Warning { text, .. } => {
                let lead = styled(self.paint.yellow(), "warning:");
                output::news(&mut self.stderr, &format!("{lead} {text}\n"))
            }
            EventKind::Error { causes, hints, .. } => {
                output::news(&mut self.stderr, &error::render(causes, hints, self.paint))
            }
            EventKind::Validated { checks, shown: TableUse::AsData, .. } => {
                output::data(&mut self.stdout, &check_table(checks, self.paint))
            }
            EventKind::Published(published) => {
                output::data(&mut self.stdout, &format!("{}\n", published.path.display()))
            }
            EventKind::Chose { .. }
            | EventKind::Started { .. }
            | EventKind::Advanced { .. }
            | EventKind::Finished { .. }
            | EventKind::Broke { .. }
            | EventKind::Note { .. }
            | EventKind::Checked { .. }
            | EventKind::Validated { shown: TableUse::AsNews, .. } => Ok(()),
        }
    }

    fn trace(&mut self, line: &str) -> Result<(), OutputError> {
        output::news(&mut self.stderr, line)
    }
}
