//! Ctrl-C, SIGTERM and `kill -9` at every stage: nothing stays behind.

use crate::support::{mounts_under, processes_with, root, run, store, tree, vmbuild};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// A build under way.
struct Build {
    child: Child,
    events: BufReader<std::process::ChildStdout>,
    artifacts: PathBuf,
}

impl Build {
    fn start(name: &str, backend: &[&str]) -> Self {
        let artifacts = root().join("target/test-interruption").join(name);
        let _ = fs_err::remove_dir_all(&artifacts);
        let folder = artifacts.to_string_lossy().into_owned();
        // What an earlier test compiled is no build to interrupt.
        let args = ["build", "3.13.5", "--profile", "smoke", "--no-cache", "--json", "--artifacts", &folder];
        let mut command = vmbuild(&[&args[..], backend].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("vmbuild starts");
        let events = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Self { child, events, artifacts }
    }

    /// Reads events until the phase has started and come a little further.
    fn reach(&mut self, phase: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.events.read_line(&mut line).expect("events are lines");
            assert!(read > 0, "the build ended before {phase}");
            let event: serde_json::Value = serde_json::from_str(&line).expect("events are JSON");
            if event["event"] == "started" && event["phase"]["phase"] == phase {
                std::thread::sleep(std::time::Duration::from_millis(700));
                return;
            }
        }
    }

    fn signal(&mut self, signal: rustix::process::Signal) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("not zero");
        // Ours: it has not been waited for, so its number is still its own.
        rustix::process::kill_process(pid, signal).expect("it runs");
        let mut rest = Vec::new();
        self.events.read_to_end(&mut rest).expect("the rest of the events");
        self.child.wait().expect("it ends").code()
    }
}

fn nothing_is_left(artifacts: &Path) {
    assert_eq!(processes_with(&store().to_string_lossy()), Vec::<String>::new());
    assert_eq!(mounts_under(&store()), Vec::<String>::new());
    let jobs = tree(&store().join("machines"));
    assert!(!jobs.iter().any(|path| path.to_string_lossy().contains("/job-")), "{jobs:?}");
    let failed = artifacts.join("failed");
    let published = tree(artifacts).into_iter().filter(|path| !path.starts_with(&failed));
    let published: Vec<PathBuf> = published.filter(|path| !path.ends_with(".lock")).collect();
    assert!(!published.iter().any(|path| path.is_file()), "{published:?}");
}

fn interrupted(name: &str, backend: &[&str], phase: &str, signal: rustix::process::Signal) {
    let mut build = Build::start(name, backend);
    build.reach(phase);
    assert_eq!(build.signal(signal), Some(130), "{phase}");
    nothing_is_left(&build.artifacts);
}

#[test]
fn signals_at_each_stage_leave_nothing_in_the_sandbox() {
    for (phase, signal) in [
        ("boot", rustix::process::Signal::INT),
        ("send", rustix::process::Signal::TERM),
        ("configure", rustix::process::Signal::INT),
        ("compile", rustix::process::Signal::TERM),
    ] {
        interrupted(&format!("sandbox-{phase}"), &["--backend", "sandbox"], phase, signal);
    }
}

#[test]
fn signals_leave_nothing_under_qemu() {
    for phase in ["boot", "configure"] {
        let backend = ["--backend", "qemu", "--accel", "tcg"];
        interrupted(&format!("qemu-{phase}"), &backend, phase, rustix::process::Signal::INT);
    }
}

/// The process of the one job machine, as its record names it.
fn machine_process() -> rustix::process::Pid {
    let records = tree(&store().join("machines")).into_iter().filter(|path| path.ends_with("machine.json"));
    let text = records.map(|path| fs_err::read_to_string(path).expect("a record")).next().expect("one machine");
    let record: serde_json::Value = serde_json::from_str(&text).expect("a record is JSON");
    let pid = record["process"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a process number");
    rustix::process::Pid::from_raw(pid).expect("not zero")
}

#[test]
fn a_machine_that_dies_in_the_middle_is_its_own_error() {
    for (name, backend) in
        [("sandbox", &["--backend", "sandbox"][..]), ("qemu", &["--backend", "qemu", "--accel", "tcg"])]
    {
        let mut build = Build::start(&format!("died-{name}"), backend);
        build.reach("configure");
        rustix::process::kill_process(machine_process(), rustix::process::Signal::KILL).expect("it runs");
        let mut rest = String::new();
        build.events.read_to_string(&mut rest).expect("the rest of the events");
        assert_eq!(build.child.wait().expect("it ends").code(), Some(3), "{rest}");
        let last = rest.lines().last().expect("an error");
        assert!(last.contains("died") && last.contains("serial.log"), "{last}");
        // The console stays for whoever reads the hint; the next command tidies up.
        run(&["status"]).expect(0);
        nothing_is_left(&build.artifacts);
    }
}

#[test]
fn what_kill_9_leaves_is_cleaned_up_by_the_next_call() {
    for (name, backend) in
        [("sandbox", &["--backend", "sandbox"][..]), ("qemu", &["--backend", "qemu", "--accel", "tcg"])]
    {
        let mut build = Build::start(&format!("killed-{name}"), backend);
        build.reach("configure");
        assert_eq!(build.signal(rustix::process::Signal::KILL), None, "killed, not exited");
        let next = run(&["status"]).expect(0);
        assert!(next.stderr.contains("job-"), "the next call says what it cleaned up: {}", next.stderr);
        nothing_is_left(&build.artifacts.join("nowhere"));
    }
}
