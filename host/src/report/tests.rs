//! All three reporters over one canned build.

use super::json::JsonReporter;
use super::paint::ColorPaint;
use super::plain::PlainReporter;
use super::progress::PhaseProgress;
use super::quiet::Quiet;
use super::run::{EventReporter, follow};
use super::terminal::{Terminal, live_line};
use indicatif::{InMemoryTerm, MultiProgress, ProgressDrawTarget, TermLike};
use insta::assert_snapshot;
use jiff::Timestamp;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use vmbuild_core::event::{Event, EventKind, Part, Phase, PhaseId, PublishedArtifact, StageTime, Unit};
use vmbuild_core::failure::OutputError;
use vmbuild_protocol::{Check, Verdict};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + second).expect("a time within range")
}

fn phase(part: Part, name: &str) -> Phase {
    Phase { part, name: name.to_owned() }
}

/// The same number for the same phase: none of these runs twice.
fn id(name: &str) -> PhaseId {
    PhaseId(name.len() as u64)
}

fn started(part: Part, name: &str, about: &str) -> EventKind {
    EventKind::Started { id: id(name), phase: phase(part, name), about: about.to_owned() }
}

fn advanced(name: &str, done: u64, total: Option<u64>, unit: Unit, line: &str) -> EventKind {
    let (id, phase) = (id(name), phase(Part::Build, name));
    EventKind::Advanced { id, phase, done, total, unit, line: line.to_owned() }
}

fn finished(part: Part, name: &str, result: &str, seconds: u64) -> EventKind {
    let (id, phase, took) = (id(name), phase(part, name), Duration::from_secs(seconds));
    EventKind::Finished { id, phase, result: result.to_owned(), took }
}

fn published() -> EventKind {
    let stage = |(stage, seconds): (&str, f64)| StageTime { stage: stage.to_owned(), seconds };
    EventKind::Published(PublishedArtifact {
        path: "artifacts/cpython-3.13.5-debian12-build1.tgz".into(),
        sha256: "9f2c".repeat(16),
        bytes: 41_300_000,
        record: "artifacts/cpython-3.13.5-debian12-build1.tgz.build.json".into(),
        plan: "71ab".repeat(16),
        logs: "artifacts/logs/cpython-3.13.5-debian12-build1".into(),
        stages: [("unpack", 0.3), ("configure", 18.2), ("training", 58.0), ("clear", 0.1), ("optimised", 100.1)]
            .map(stage)
            .to_vec(),
        seconds: 200.0,
    })
}

fn build() -> Vec<Event> {
    let check = Check { number: 1, name: "artifact exists".into(), verdict: Verdict::Pass, evidence: "41.3 MB".into() };
    let why = "kvm: a guest kernel hung for 5 s".to_owned();
    let kinds = [
        (0, EventKind::Chose { part: Part::Machine, what: "sandbox".to_owned(), why }),
        (0, started(Part::Source, "download", "Python-3.13.5.tar.xz")),
        (2, finished(Part::Source, "download", "", 2)),
        (2, EventKind::Note { part: Part::Source, text: "3.13.5 is not the newest 3.13: 3.13.9 is".to_owned() }),
        (2, started(Part::Build, "configure", "")),
        (20, finished(Part::Build, "configure", "", 18)),
        (20, started(Part::Build, "optimised", "")),
        (21, advanced("optimised", 1, Some(402), Unit::Objects, "gcc -c Parser/token.c")),
        (61, advanced("optimised", 201, Some(402), Unit::Objects, "gcc -c Objects/listobject.c")),
        (62, advanced("optimised", 205, Some(402), Unit::Objects, "gcc -c Objects/longobject.c")),
        (120, finished(Part::Build, "optimised", "402/402 objects", 100)),
        (120, EventKind::Warning { part: Part::Pack, text: "2 GB of disk left".to_owned() }),
        (120, started(Part::Validate, "checks", "in a clean machine")),
        (126, EventKind::Checked { check }),
        (126, finished(Part::Validate, "checks", "11 of 11 passed", 6)),
        (126, published()),
    ];
    kinds.map(|(second, kind)| Event { at: at(second), kind }).to_vec()
}

fn broken() -> Vec<Event> {
    let error = EventKind::Error {
        causes: vec!["training did not pass".to_owned(), "`./python -m test --pgo` exited with 2".to_owned()],
        hints: vec!["logs are in artifacts/failed".to_owned()],
        exit: 1,
    };
    let broke =
        EventKind::Broke { id: id("training"), phase: phase(Part::Build, "training"), took: Duration::from_secs(75) };
    let kinds = [(0, started(Part::Build, "training", "44 tests")), (75, broke), (75, error)];
    kinds.map(|(second, kind)| Event { at: at(second), kind }).to_vec()
}

fn show(reporter: &mut dyn EventReporter, events: &[Event]) {
    for event in events {
        reporter.event(event).expect("memory takes all");
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("reporters write UTF-8")
}

fn plain(events: &[Event]) -> (String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    show(&mut PlainReporter::new(&mut stdout, &mut stderr, ColorPaint::Bare), events);
    (text(stdout), text(stderr))
}

/// Writes onto the screen that the moving lines are on, as a terminal would show it.
struct OnScreen(InMemoryTerm);

impl io::Write for OnScreen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_str(&String::from_utf8_lossy(bytes).replace('\n', "\r\n"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn terminal(events: &[Event]) -> (String, String) {
    let screen = InMemoryTerm::new(40, 100);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
    let mut stdout = Vec::new();
    let (lines, stderr) = (MultiProgress::with_draw_target(target), OnScreen(screen.clone()));
    show(&mut Terminal::new(lines, ColorPaint::Bare, &mut stdout, stderr), events);
    (text(stdout), screen.contents())
}

#[test]
fn plain_build() {
    let (stdout, stderr) = plain(&build());
    assert_eq!(stdout, "artifacts/cpython-3.13.5-debian12-build1.tgz\n");
    assert_snapshot!(stderr);
}

#[test]
fn plain_gives_a_sign_of_life_where_nothing_is_heard() {
    let mut stderr = Vec::new();
    let mut plain = PlainReporter::new(io::sink(), &mut stderr, ColorPaint::Bare);
    show(&mut plain, &[Event { at: at(0), kind: started(Part::Build, "install", "") }]);
    for second in [10, 29, 31, 50, 62] {
        plain.tick(at(second));
    }
    assert_snapshot!(text(stderr), @r"
    0:00  build    install       started
    0:31  build    install       31s so far
    1:02  build    install       1m 02s so far
    ");
}

/// Phases that are over in a moment: without subject and result, with a subject, with a result, and one that fails.
fn moments() -> Vec<Event> {
    let moment = |part, name: &str, result: &str| {
        let took = Duration::from_millis(40);
        EventKind::Finished { id: id(name), phase: phase(part, name), result: result.to_owned(), took }
    };
    let took = Duration::from_millis(40);
    let broke = EventKind::Broke { id: id("finish"), phase: phase(Part::Build, "finish"), took };
    let kinds = [
        started(Part::Build, "rules", ""),
        moment(Part::Build, "rules", ""),
        started(Part::Machine, "destroy", "work"),
        moment(Part::Machine, "destroy", ""),
        started(Part::Machine, "boot", "work"),
        moment(Part::Machine, "boot", "agent answers"),
        started(Part::Build, "finish", ""),
        broke,
    ];
    kinds.map(|kind| Event { at: at(0), kind }).to_vec()
}

#[test]
fn what_is_over_in_a_moment_has_one_line_or_none() {
    assert_snapshot!(plain(&moments()).1, @r"
    0:00  machine  destroy       done in 0.0s: work
    0:00  machine  boot          done in 0.0s: agent answers
    0:00  build    finish        FAILED after 0.0s
    ");
    assert_snapshot!(terminal(&moments()).1, @r"
    machine  destroy       work                                        0.0s
             boot          agent answers                               0.0s
    build    finish        stopped                                     0.0s
    ");
}

#[test]
fn plain_tells_starts_in_their_order() {
    let mut stderr = Vec::new();
    let mut plain = PlainReporter::new(io::sink(), &mut stderr, ColorPaint::Bare);
    let starts = [started(Part::Machine, "boot", "work"), started(Part::Machine, "agent", "")];
    show(&mut plain, &starts.map(|kind| Event { at: at(0), kind }));
    plain.tick(at(1));
    show(&mut plain, &[Event { at: at(2), kind: finished(Part::Machine, "agent", "", 2) }]);
    assert_snapshot!(text(stderr), @r"
    0:00  machine  boot          started: work
    0:00  machine  agent         started
    0:02  machine  agent         done in 2s
    ");
}

#[test]
fn plain_failure() {
    let (stdout, stderr) = plain(&broken());
    assert_eq!(stdout, "");
    assert_snapshot!(stderr);
}

#[test]
fn terminal_build() {
    let (stdout, screen) = terminal(&build());
    assert_eq!(stdout, "artifacts/cpython-3.13.5-debian12-build1.tgz\n");
    assert_snapshot!(screen);
}

#[test]
fn terminal_failure() {
    let (stdout, screen) = terminal(&broken());
    assert_eq!(stdout, "");
    assert_snapshot!(screen);
}

#[test]
fn quiet_shows_warnings_errors_and_data() {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    show(&mut Quiet::new(&mut stdout, &mut stderr, ColorPaint::Bare), &[build(), broken()].concat());
    assert_eq!(text(stdout), "artifacts/cpython-3.13.5-debian12-build1.tgz\n");
    assert_snapshot!(text(stderr), @r"
    warning: 2 GB of disk left
    error: training did not pass
      Caused by: `./python -m test --pgo` exited with 2

    hint: logs are in artifacts/failed
    ");
}

/// Two downloads at a time, the first of which ends last.
fn parallel() -> Vec<Event> {
    let fetch = || phase(Part::Source, "fetch");
    let started = |id, about: &str| EventKind::Started { id: PhaseId(id), phase: fetch(), about: about.to_owned() };
    let finished = |id, result: &str, seconds| EventKind::Finished {
        id: PhaseId(id),
        phase: fetch(),
        result: result.to_owned(),
        took: Duration::from_secs(seconds),
    };
    let kinds =
        [(0, started(1, "one.tar")), (1, started(2, "two.tar")), (4, finished(2, "", 3)), (9, finished(1, "", 9))];
    kinds.map(|(second, kind)| Event { at: at(second), kind }).to_vec()
}

#[test]
fn equal_phases_at_a_time_are_not_mixed() {
    assert_snapshot!(terminal(&parallel()).1, @r"
    source   fetch         two.tar                                     3s
             fetch         one.tar                                     9s
    ");
    let mut stderr = Vec::new();
    let mut plain = PlainReporter::new(io::sink(), &mut stderr, ColorPaint::Bare);
    let events = parallel();
    show(&mut plain, &events[..2]);
    plain.tick(at(3));
    show(&mut plain, &events[2..3]);
    plain.tick(at(62));
    assert_snapshot!(text(stderr), @r"
    0:00  source   fetch         started: one.tar
    0:01  source   fetch         started: two.tar
    0:04  source   fetch         done in 3s
    1:02  source   fetch         1m 02s so far
    ");
}

/// Counts lines of the trace.
struct Lines(Arc<AtomicUsize>);
impl EventReporter for Lines {
    fn event(&mut self, _: &Event) -> Result<(), OutputError> {
        Ok(())
    }

    fn trace(&mut self, _: &str) -> Result<(), OutputError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn lines_of_the_trace_go_to_standard_error_and_none_is_lost() {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut plain = PlainReporter::new(&mut stdout, &mut stderr, ColorPaint::Bare);
    plain.trace("DEBUG one\n").expect("memory takes all");
    assert_eq!((text(stdout), text(stderr)), (String::new(), "DEBUG one\n".to_owned()));
    let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (lines, received) = tokio::sync::mpsc::unbounded_channel();
    let seen = Arc::new(AtomicUsize::new(0));
    for line in ["one", "two", "three"] {
        lines.send(line.to_owned()).expect("it is received");
    }
    drop(events);
    // The subscriber keeps its sender until the process ends.
    let outcome =
        follow(Box::new(Lines(seen.clone())), || unreachable!("nothing is refused"), (receiver, received)).await;
    assert!(outcome.is_ok());
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    drop(lines);
}

#[test]
fn json_build() {
    let mut stdout = Vec::new();
    show(&mut JsonReporter::new(&mut stdout), &[build(), broken()].concat());
    assert_snapshot!(text(stdout));
}

#[test]
fn live_lines() {
    let line = |name: &str, about: &str, seen: &[(i64, EventKind)], now: i64| {
        let mut progress = PhaseProgress::started(at(0), about);
        for (second, kind) in seen {
            progress.advance(at(*second), kind);
        }
        live_line(&phase(Part::Build, name), &progress, at(now), ColorPaint::Bare)
    };
    let objects = |second, done| (second, advanced("optimised", done, Some(402), Unit::Objects, "gcc -c x.c"));
    let lines = [
        line("configure", "", &[], 3),
        line("configure", "", &[(4, advanced("configure", 0, None, Unit::Lines, "checking for gcc"))], 65),
        line("install", "into /opt", &[], 9),
        line("optimised", "", &[objects(1, 1), objects(41, 251)], 41),
    ];
    assert_snapshot!(lines.join("\n"));
}

/// Takes nothing more.
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The outcome of these events, and how many were left for standard error alone.
async fn followed(reporter: Box<dyn EventReporter>, events: Vec<Event>) -> (Result<(), OutputError>, usize) {
    struct Counting(Arc<AtomicUsize>);
    impl EventReporter for Counting {
        fn event(&mut self, _: &Event) -> Result<(), OutputError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn trace(&mut self, _: &str) -> Result<(), OutputError> {
            Ok(())
        }
    }
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    for event in events {
        sender.send(event).expect("it is received");
    }
    drop(sender);
    let seen = Arc::new(AtomicUsize::new(0));
    let left = seen.clone();
    let (_, lines) = tokio::sync::mpsc::unbounded_channel();
    let outcome = follow(reporter, move || Box::new(Counting(left.clone())), (receiver, lines)).await;
    (outcome, seen.load(Ordering::Relaxed))
}

#[tokio::test]
async fn data_that_are_lost_are_an_error_and_news_are_not() {
    let (outcome, left) = followed(Box::new(JsonReporter::new(Full)), broken()).await;
    assert_eq!(outcome.expect_err("the events are lost").to_string(), "cannot write to standard output");
    assert_eq!(left, broken().len() - 1, "all after the first");
    let (outcome, left) = followed(Box::new(JsonReporter::new(Full)), broken().split_off(2)).await;
    assert!(outcome.is_err());
    assert_eq!(left, 1, "an error is told nevertheless");
    let (outcome, _) = followed(Box::new(PlainReporter::new(Full, io::sink(), ColorPaint::Bare)), build()).await;
    assert!(outcome.is_err(), "the artifact's path is lost");
    let (outcome, left) = followed(Box::new(PlainReporter::new(io::sink(), Full, ColorPaint::Bare)), build()).await;
    assert!(outcome.is_ok());
    assert_eq!(left, 0);
}
