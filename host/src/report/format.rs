//! The choice of a reporter.

/// A way to show events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// One moving line per running phase, on a terminal.
    Terminal,
    /// One line at each phase's start and end, for logs.
    Plain,
    /// Warnings, errors and data only.
    Quiet,
    /// One JSON object per line on standard output.
    Json,
}

impl ReportFormat {
    /// The one for this kind of standard error, unless `--json` or `--quiet` ask for another. A `TERM=dumb` terminal cannot
    /// move lines.
    pub fn choose(asked: Option<Self>, stderr_is_terminal: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let usual = if stderr_is_terminal && !dumb { Self::Terminal } else { Self::Plain };
        asked.unwrap_or(usual)
    }
}
