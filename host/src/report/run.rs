//! Feeding a stream of events to a reporter.

use super::json::JsonReporter;
use super::plain::PlainReporter;
use super::quiet::Quiet;
use super::terminal::Terminal;
use super::{ColorPaint, ReportFormat, error, terminal};
use jiff::Timestamp;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use vmbuild_core::event::{Event, EventKind};
use vmbuild_core::failure::{Failure, OutputError};
use vmbuild_protocol::OutputStream;

/// How often running lines are redrawn without news: their clocks move.
const TICK: Duration = Duration::from_millis(500);

/// Shows events in one way. `Send`, so that reporting may be a task of its own.
pub(super) trait EventReporter: Send {
    /// Shows one event.
    fn event(&mut self, event: &Event) -> Result<(), OutputError>;

    /// Shows a line of the trace on standard error.
    fn trace(&mut self, line: &str) -> Result<(), OutputError>;

    /// Redraws what depends on the time.
    fn tick(&mut self, _now: Timestamp) {}
}

/// Shows events, and lines of the trace, until every sender of events is gone. Returns when the last one is on the screen:
/// print after that. Data that standard output refuses is an error, returned at the end; meanwhile the rest is shown on
/// standard error.
pub async fn run(
    format: ReportFormat,
    events: UnboundedReceiver<Event>,
    lines: UnboundedReceiver<String>,
) -> Result<(), OutputError> {
    let news = || PlainReporter::new(io::sink(), io::stderr(), ColorPaint::of_stderr());
    follow(reporter(format), || Box::new(news()), (events, lines)).await
}

pub(super) async fn follow(
    mut reporter: Box<dyn EventReporter>,
    without_stdout: impl Fn() -> Box<dyn EventReporter>,
    (mut events, mut lines): (UnboundedReceiver<Event>, UnboundedReceiver<String>),
) -> Result<(), OutputError> {
    let mut outcome = Ok(());
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => match reporter.event(&event) {
                    Err(refused) if refused.stream == OutputStream::Stdout => {
                        reporter = without_stdout();
                        outcome = Err(refused);
                        if matches!(event.kind, EventKind::Error { .. }) {
                            // There is nothing else to say it to.
                            let _ = reporter.event(&event);
                        }
                    }
                    // A full disk behind a redirected log is no reason to lose a build.
                    Err(_) | Ok(()) => {}
                },
                None => break,
            },
            // As with events: a full disk behind a redirected log is no reason to lose a build.
            Some(line) = lines.recv() => drop(reporter.trace(&line)),
            _ = ticks.tick() => reporter.tick(Timestamp::now()),
        }
    }
    while let Ok(line) = lines.try_recv() {
        drop(reporter.trace(&line));
    }
    outcome
}

/// Shows the error of a command that has no stream of events, or whose stream has ended.
pub fn fail(format: ReportFormat, failure: &Failure) {
    let event = Event { at: Timestamp::now(), kind: error::event(failure) };
    // There is nobody left to tell.
    let _ = reporter(format).event(&event);
}

fn reporter(format: ReportFormat) -> Box<dyn EventReporter> {
    let paint = ColorPaint::of_stderr();
    match format {
        ReportFormat::Terminal => Box::new(Terminal::new(terminal::screen(), paint, io::stdout(), io::stderr())),
        ReportFormat::Plain => Box::new(PlainReporter::new(io::stdout(), io::stderr(), paint)),
        ReportFormat::Quiet => Box::new(Quiet::new(io::stdout(), io::stderr(), paint)),
        ReportFormat::Json => Box::new(JsonReporter::new(io::stdout())),
    }
}
