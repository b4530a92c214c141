//! Every event as one line of JSON on standard output.

use super::output;
use super::run::Reporter;
use crate::event::Event;
use std::io::{self, Write};

pub(super) struct Json<W> {
    stdout: W,
}

impl<W: Write> Json<W> {
    pub(super) fn new(stdout: W) -> Self {
        Self { stdout }
    }
}

impl<W: Write + Send> Reporter for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        output::write(&mut self.stdout, &line)
    }
}
