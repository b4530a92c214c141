//! Every event as one line of JSON on standard output.

use super::output;
use super::run::EventReporter;
use std::io::{self, Write};
use vmbuild_core::event::Event;
use vmbuild_core::failure::OutputError;
use vmbuild_protocol::OutputStream;

pub(super) struct JsonReporter<W> {
    stdout: W,
}

impl<W: Write> JsonReporter<W> {
    pub(super) fn new(stdout: W) -> Self {
        Self { stdout }
    }
}

impl<W: Write + Send> EventReporter for JsonReporter<W> {
    fn event(&mut self, event: &Event) -> Result<(), OutputError> {
        let line = serde_json::to_string(event)
            .map_err(|source| OutputError { stream: OutputStream::Stdout, source: source.into() })?;
        output::data(&mut self.stdout, &(line + "\n"))
    }

    fn trace(&mut self, line: &str) -> Result<(), OutputError> {
        output::news(io::stderr().lock(), line)
    }
}
