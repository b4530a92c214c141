//! Which of the three reporters a run gets.

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// One moving line per running phase, on a terminal.
    Terminal,
    /// One line at each phase's start and end, for logs.
    Plain,
    /// One JSON object per line on standard output.
    Json,
}

impl ReportFormat {
    /// What `--json` and the kind of standard error ask for. A `TERM=dumb` terminal cannot move lines.
    pub fn choose(json: bool, stderr_is_terminal: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match (json, stderr_is_terminal && !dumb) {
            (true, _) => Self::Json,
            (false, true) => Self::Terminal,
            (false, false) => Self::Plain,
        }
    }
}
