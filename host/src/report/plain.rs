//! For logs: one line when a phase starts, one when it ends, and one every half minute in between. A phase that is over in a
//! moment has one line, or none if it has neither subject nor result.

use super::paint::ColorPaint;
use super::progress::{PhaseProgress, between};
use super::run::EventReporter;
use super::table::check_table;
use super::{error, output, summary, words};
use jiff::Timestamp;
use std::io::Write;
use std::time::Duration;
use vmbuild_core::event::{Event, EventKind, Phase, PhaseId, TableUse};
use vmbuild_core::failure::OutputError;
use vmbuild_core::format::duration;

/// CI services end a job that stays silent for minutes; a log with a line a second helps nobody.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

pub(super) struct PlainReporter<O, E> {
    stdout: O,
    stderr: E,
    paint: ColorPaint,
    since: Option<Timestamp>,
    running: Vec<PlainPhase>,
}

struct PlainPhase {
    id: PhaseId,
    phase: Phase,
    progress: PhaseProgress,
    /// Time of its latest line; `None` until its start has been printed.
    last_line: Option<Timestamp>,
}

impl<O: Write, E: Write> PlainReporter<O, E> {
    pub(super) fn new(stdout: O, stderr: E, paint: ColorPaint) -> Self {
        Self { stdout, stderr, paint, since: None, running: Vec::new() }
    }

    fn say(&mut self, at: Timestamp, part: &str, phase: &str, text: &str) -> Result<(), OutputError> {
        let clock = words::clock(between(self.since.unwrap_or(at), at));
        let line = format!("{clock:>6}  {}{text}", words::head(part, phase));
        output::news(&mut self.stderr, &(line.trim_end().to_owned() + "\n"))
    }

    fn say_of(&mut self, at: Timestamp, phase: &Phase, text: &str) -> Result<(), OutputError> {
        self.say(at, phase.part.word(), &phase.name, text)
    }

    fn started(&mut self, at: Timestamp, (id, phase): (PhaseId, &Phase), about: &str) {
        self.running.push(PlainPhase {
            id,
            phase: phase.clone(),
            progress: PhaseProgress::started(at, about),
            last_line: None,
        });
    }

    fn advanced(&mut self, at: Timestamp, id: PhaseId, kind: &EventKind) -> Result<(), OutputError> {
        if let Some(watched) = self.running.iter_mut().find(|watched| watched.id == id) {
            watched.progress.advance(at, kind);
        }
        self.catch_up(at)
    }

    fn finished(
        &mut self,
        at: Timestamp,
        (id, phase): (PhaseId, &Phase),
        result: &str,
        took: Duration,
    ) -> Result<(), OutputError> {
        let done = format!("done in {}", duration(took));
        match self.end(at, id)? {
            Some(PlainPhase { progress, .. }) if result.is_empty() => match progress.about.as_str() {
                "" => Ok(()),
                about => self.say_of(at, phase, &with(&done, about)),
            },
            _ => self.say_of(at, phase, &with(&done, result)),
        }
    }

    fn broke(&mut self, at: Timestamp, (id, phase): (PhaseId, &Phase), took: Duration) -> Result<(), OutputError> {
        self.end(at, id)?;
        self.say_of(at, phase, &format!("FAILED after {}", duration(took)))
    }

    /// Returns the phase if it has no line yet: if it was over in a moment.
    fn end(&mut self, at: Timestamp, id: PhaseId) -> Result<Option<PlainPhase>, OutputError> {
        let Some(index) = self.running.iter().position(|watched| watched.id == id) else { return Ok(None) };
        let watched = self.running.remove(index);
        if let Some((since, text)) = watched.start(at) {
            self.say_of(since, &watched.phase, &text)?;
            return Ok(None);
        }
        Ok(watched.last_line.is_none().then_some(watched))
    }

    /// Prints the start of phases that were not over in a moment, and signs of life of those that go on.
    fn catch_up(&mut self, now: Timestamp) -> Result<(), OutputError> {
        let mut lines = Vec::new();
        for watched in &mut self.running {
            if let Some((at, text)) = watched.news(now) {
                watched.last_line = Some(at);
                lines.push((at, watched.phase.clone(), text));
            }
        }
        lines.into_iter().try_for_each(|(at, phase, text)| self.say_of(at, &phase, &text))
    }
}

impl PlainPhase {
    /// The line that is due, and the time it bears.
    fn news(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        match self.last_line {
            None => self.start(now),
            Some(last_line) => (between(last_line, now) >= SIGN_OF_LIFE).then(|| (now, self.sign_of_life(now))),
        }
    }

    /// Its first line, if that is due and has not been written.
    fn start(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        let is_due = self.last_line.is_none() && self.progress.elapsed(now) >= words::MOMENT;
        is_due.then(|| (self.progress.since, with("started", &self.progress.about)))
    }

    fn sign_of_life(&self, now: Timestamp) -> String {
        let elapsed = format!("{} so far", duration(self.progress.elapsed(now)));
        let news = [self.progress.count(now), self.progress.line.clone(), elapsed];
        news.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }
}

/// A word and, if there is any, its detail.
fn with(word: &str, detail: &str) -> String {
    if detail.is_empty() { word.to_owned() } else { format!("{word}: {detail}") }
}

impl<O: Write + Send, E: Write + Send> EventReporter for PlainReporter<O, E> {
    fn event(&mut self, event: &Event) -> Result<(), OutputError> {
        let at = event.at;
        self.since.get_or_insert(at);
        match &event.kind {
            EventKind::Started { id, phase, about } => {
                self.started(at, (*id, phase), about);
                Ok(())
            }
            EventKind::Advanced { id, .. } => self.advanced(at, *id, &event.kind),
            EventKind::Finished { id, phase, result, took } => self.finished(at, (*id, phase), result, *took),
            EventKind::Broke { id, phase, took } => self.broke(at, (*id, phase), *took),
            EventKind::Chose { part, what, why } => self.say(at, part.word(), what, &format!("({why})")),
            EventKind::Note { part, text } => self.say(at, part.word(), "", text),
            EventKind::Warning { part, text } => self.say(at, part.word(), "", &format!("warning: {text}")),
            // All verdicts come as one table.
            EventKind::Checked { .. } => Ok(()),
            EventKind::Validated { checks, shown, .. } => {
                let table = format!("\n{}", check_table(checks, self.paint));
                match shown {
                    TableUse::AsData => output::data(&mut self.stdout, &table),
                    TableUse::AsNews => output::news(&mut self.stderr, &table),
                }
            }
            EventKind::Published(published) => {
                output::news(&mut self.stderr, &summary::render(published, self.paint))?;
                output::data(&mut self.stdout, &format!("{}\n", published.path.display()))
            }
            EventKind::Error { causes, hints, .. } => {
                output::news(&mut self.stderr, &error::render(causes, hints, self.paint))
            }
        }
    }

    fn trace(&mut self, line: &str) -> Result<(), OutputError> {
        output::news(&mut self.stderr, line)
    }

    fn tick(&mut self, now: Timestamp) {
        // As with events: a full disk behind a redirected log is no reason to lose a build.
        let _ = self.catch_up(now);
    }
}
