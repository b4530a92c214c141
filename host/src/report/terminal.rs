//! For people: one line per running phase that moves in place, finished lines scrolling away above.

use super::paint::{ColorPaint, styled};
use super::progress::PhaseProgress;
use super::run::EventReporter;
use super::table::check_table;
use super::{error, output, summary, words};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::io::Write;
use std::time::Duration;
use vmbuild_core::event::{Event, EventKind, Part, Phase, PhaseId, TableUse};
use vmbuild_core::failure::OutputError;
use vmbuild_core::format::duration;
use vmbuild_protocol::Check;

pub(super) struct Terminal<O, E> {
    stdout: O,
    stderr: E,
    screen: MultiProgress,
    paint: ColorPaint,
    running: Vec<LiveLines>,
    last_part: Option<Part>,
}

/// The terminal behind standard error.
pub(super) fn screen() -> MultiProgress {
    MultiProgress::new()
}

struct LiveLines {
    id: PhaseId,
    phase: Phase,
    progress: PhaseProgress,
    bar: ProgressBar,
}

impl LiveLines {
    fn redraw(&self, now: Timestamp, paint: ColorPaint) {
        self.bar.set_message(live_line(&self.phase, &self.progress, now, paint));
    }
}

impl<O: Write, E: Write> Terminal<O, E> {
    /// `screen` and `stderr` are the same terminal.
    pub(super) fn new(screen: MultiProgress, paint: ColorPaint, stdout: O, stderr: E) -> Self {
        Self { stdout, stderr, screen, paint, running: Vec::new(), last_part: None }
    }

    fn start(&mut self, at: Timestamp, (id, phase): (PhaseId, &Phase), about: &str) {
        let style = ProgressStyle::with_template("{wide_msg}").expect("the template is a constant");
        let bar = self.screen.add(ProgressBar::new_spinner().with_style(style));
        let live = LiveLines { id, phase: phase.clone(), progress: PhaseProgress::started(at, about), bar };
        live.redraw(at, self.paint);
        self.running.push(live);
    }

    fn advance(&mut self, at: Timestamp, id: PhaseId, kind: &EventKind) {
        if let Some(live) = self.running.iter_mut().find(|live| live.id == id) {
            live.progress.advance(at, kind);
            live.redraw(at, self.paint);
        }
    }

    /// Removes the phase's line and returns its progress.
    fn end(&mut self, id: PhaseId) -> Option<PhaseProgress> {
        let index = self.running.iter().position(|live| live.id == id)?;
        let live = self.running.remove(index);
        live.bar.finish_and_clear();
        self.screen.remove(&live.bar);
        Some(live.progress)
    }

    fn finished(&mut self, (id, phase): (PhaseId, &Phase), result: &str, took: Duration) -> Result<(), OutputError> {
        let progress = self.end(id);
        let told =
            if result.is_empty() { progress.map(|known| known.about).unwrap_or_default() } else { result.into() };
        if told.is_empty() && took < words::MOMENT {
            return Ok(());
        }
        self.scroll(phase.part, &phase.name, &told, &duration(took))
    }

    fn broke(&mut self, (id, phase): (PhaseId, &Phase), took: Duration) -> Result<(), OutputError> {
        self.end(id);
        let word = styled(self.paint.red(), &format!("{:width$}", "stopped", width = words::RESULT));
        self.scroll(phase.part, &phase.name, &word, &duration(took))
    }

    /// A line that stays. A part is named once for its consecutive lines.
    fn scroll(&mut self, part: Part, phase: &str, result: &str, took: &str) -> Result<(), OutputError> {
        let word = if self.last_part == Some(part) { "" } else { part.word() };
        self.last_part = Some(part);
        self.write(&(words::line(word, phase, result, took) + "\n"))
    }

    fn text(&mut self, part: Part, text: &str) -> Result<(), OutputError> {
        let word = if self.last_part == Some(part) { "" } else { part.word() };
        self.last_part = Some(part);
        self.write(&format!("{word:width$}{text}\n", width = words::PART))
    }

    /// Text above the moving lines. Not indicatif's own `println`: it fills lines up with blanks.
    fn write(&mut self, text: &str) -> Result<(), OutputError> {
        let (screen, stderr) = (&self.screen, &mut self.stderr);
        screen.suspend(|| output::news(stderr, text))
    }

    fn validated(&mut self, checks: &[Check], shown: TableUse) -> Result<(), OutputError> {
        let table = check_table(checks, self.paint);
        match shown {
            TableUse::AsNews => self.write(&format!("\n{table}")),
            TableUse::AsData => {
                let (screen, stdout) = (&self.screen, &mut self.stdout);
                screen.suspend(|| output::data(stdout, &table))
            }
        }
    }

    fn published(&mut self, published: &vmbuild_core::event::PublishedArtifact) -> Result<(), OutputError> {
        self.write(&summary::render(published, self.paint))?;
        let (screen, stdout) = (&self.screen, &mut self.stdout);
        screen.suspend(|| output::data(stdout, &format!("{}\n", published.path.display())))
    }
}

/// The line of a running phase: `build    optimised     ━━━━━━━╸━━━  251/402 objects  about 50s left  last line`.
pub(super) fn live_line(phase: &Phase, progress: &PhaseProgress, now: Timestamp, paint: ColorPaint) -> String {
    let head = words::head(phase.part.word(), &phase.name);
    let count = progress.count(now);
    let bar = progress.total.filter(|_| !count.is_empty()).map(|total| {
        let (full, rest) = words::bar(progress.done, total);
        styled(paint.cyan(), &full) + &styled(paint.dim(), &rest)
    });
    let clock = bar.is_none().then(|| duration(progress.elapsed(now)));
    let line = if progress.line.is_empty() { &progress.about } else { &progress.line };
    let parts = [bar, clock, Some(count), Some(styled(paint.dim(), line))];
    let shown: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    format!("{head}{}", shown.join("  "))
}

impl<O: Write + Send, E: Write + Send> EventReporter for Terminal<O, E> {
    fn event(&mut self, event: &Event) -> Result<(), OutputError> {
        match &event.kind {
            EventKind::Started { id, phase, about } => self.start(event.at, (*id, phase), about),
            EventKind::Advanced { id, .. } => self.advance(event.at, *id, &event.kind),
            EventKind::Finished { id, phase, result, took } => return self.finished((*id, phase), result, *took),
            EventKind::Broke { id, phase, took } => return self.broke((*id, phase), *took),
            EventKind::Chose { part, what, why } => return self.text(*part, &format!("{what}  ({why})")),
            EventKind::Note { part, text } => return self.text(*part, text),
            EventKind::Warning { part, text } => {
                let word = styled(self.paint.yellow(), "warning:");
                return self.text(*part, &format!("{word} {text}"));
            }
            // All verdicts come as one table.
            EventKind::Checked { .. } => {}
            EventKind::Validated { checks, shown, .. } => return self.validated(checks, *shown),
            EventKind::Published(published) => return self.published(published),
            EventKind::Error { causes, hints, .. } => {
                return self.write(&error::render(causes, hints, self.paint));
            }
        }
        Ok(())
    }

    fn trace(&mut self, line: &str) -> Result<(), OutputError> {
        self.write(line)
    }

    fn tick(&mut self, now: Timestamp) {
        for live in &self.running {
            live.redraw(now, self.paint);
        }
    }
}
