//! For logs: one line at a phase's start and one at its end, and a sign of life every half minute between.

use super::paint::Paint;
use super::progress::{Progress, between};
use super::run::Reporter;
use super::table::check_table;
use super::{error, output, summary, words};
use crate::event::{Event, Kind, Phase, Shown};
use jiff::Timestamp;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

/// CI services end a job that stays silent for minutes; a log with a line a second helps nobody.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

pub(super) struct Plain<O, E> {
    stdout: O,
    stderr: E,
    paint: Paint,
    since: Option<Timestamp>,
    running: HashMap<Phase, Watched>,
}

struct Watched {
    progress: Progress,
    last_line: Timestamp,
}

impl<O: Write, E: Write> Plain<O, E> {
    pub(super) fn new(stdout: O, stderr: E, paint: Paint) -> Self {
        Self { stdout, stderr, paint, since: None, running: HashMap::new() }
    }

    fn say(&mut self, at: Timestamp, part: &str, phase: &str, text: &str) -> io::Result<()> {
        let clock = words::clock(between(*self.since.get_or_insert(at), at));
        let line = format!("{clock:>6}  {}{text}", words::head(part, phase));
        output::write(&mut self.stderr, &(line.trim_end().to_owned() + "\n"))
    }

    fn say_of(&mut self, at: Timestamp, phase: &Phase, text: &str) -> io::Result<()> {
        self.say(at, phase.part.word(), &phase.name, text)
    }

    fn started(&mut self, at: Timestamp, phase: &Phase, about: &str) -> io::Result<()> {
        let watched = Watched { progress: Progress::started(at, about), last_line: at };
        self.running.insert(phase.clone(), watched);
        self.say_of(at, phase, &with("started", about))
    }

    fn advanced(&mut self, at: Timestamp, phase: &Phase, kind: &Kind) -> io::Result<()> {
        let Some(watched) = self.running.get_mut(phase) else { return Ok(()) };
        watched.progress.advance(at, kind);
        self.sign_of_life(at, phase)
    }

    fn sign_of_life(&mut self, at: Timestamp, phase: &Phase) -> io::Result<()> {
        let Some(watched) = self.running.get_mut(phase) else { return Ok(()) };
        if between(watched.last_line, at) < SIGN_OF_LIFE {
            return Ok(());
        }
        watched.last_line = at;
        let (count, line) = (watched.progress.count(at), watched.progress.line.clone());
        let elapsed = format!("{} so far", words::duration(watched.progress.elapsed(at)));
        let news = [count, line, elapsed].into_iter().find(|text| !text.is_empty());
        self.say_of(at, phase, &news.unwrap_or_default())
    }

    fn ended(&mut self, at: Timestamp, phase: &Phase, how: &str, result: &str) -> io::Result<()> {
        self.running.remove(phase);
        self.say_of(at, phase, &with(how, result))
    }
}

/// A word and, if there is any, its detail.
fn with(word: &str, detail: &str) -> String {
    if detail.is_empty() { word.to_owned() } else { format!("{word}: {detail}") }
}

impl<O: Write + Send, E: Write + Send> Reporter for Plain<O, E> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let at = event.at;
        match &event.kind {
            Kind::Started { phase, about } => self.started(at, phase, about),
            Kind::Advanced { phase, .. } => self.advanced(at, phase, &event.kind),
            Kind::Finished { phase, result, took } => {
                self.ended(at, phase, &format!("done in {}", words::duration(*took)), result)
            }
            Kind::Broke { phase, took } => {
                self.ended(at, phase, &format!("FAILED after {}", words::duration(*took)), "")
            }
            Kind::Chose { part, what, why } => self.say(at, part.word(), what, &format!("({why})")),
            Kind::Note { part, text } => self.say(at, part.word(), "", text),
            Kind::Warning { part, text } => self.say(at, part.word(), "", &format!("warning: {text}")),
            // All verdicts come as one table.
            Kind::Checked { .. } => Ok(()),
            Kind::Validated { checks, shown, .. } => {
                let table = format!("\n{}", check_table(checks, self.paint));
                match shown {
                    Shown::AsData => output::write(&mut self.stdout, &table),
                    Shown::AsNews => output::write(&mut self.stderr, &table),
                }
            }
            Kind::Published(published) => {
                output::write(&mut self.stderr, &summary::render(published, self.paint))?;
                output::write(&mut self.stdout, &format!("{}\n", published.path.display()))
            }
            Kind::Error { causes, hints, .. } => {
                output::write(&mut self.stderr, &error::render(causes, hints, self.paint))
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        let phases: Vec<Phase> = self.running.keys().cloned().collect();
        for phase in phases {
            // As with events: a full disk behind a redirected log is no reason to lose a build.
            let _ = self.sign_of_life(now, &phase);
        }
    }
}
