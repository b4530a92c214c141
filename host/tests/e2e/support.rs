//! Running the program and reading what it says.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

pub(crate) use vmbuild_testkit::{shared_store as store, workspace_root as root};

/// `vmbuild` with the shared store and the static agent.
#[expect(clippy::disallowed_methods, reason = "a test drives the program from outside")]
pub(crate) fn vmbuild(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vmbuild"));
    // Relative paths, such as the default folder of artifacts, must not end up in the sources.
    let here = root().join("target/test-cwd");
    fs_err::create_dir_all(&here).expect("a folder to run in");
    command.current_dir(here).args(args).env("VMBUILD_HOME", store()).env("NO_COLOR", "1").stdin(Stdio::null());
    // The default image's publisher is not reachable everywhere.
    command.env("VMBUILD_IMAGE", "debian-12");
    if std::env::var_os("VMBUILD_AGENT").is_none() {
        command.env("VMBUILD_AGENT", root().join("target/release/vmbuild-agent"));
    }
    command
}

/// A prepared `vmbuild`, started by another program: the words are that program's, what it is to start comes after them.
#[expect(clippy::disallowed_methods, reason = "a test drives the program from outside")]
pub(crate) fn through(program: &str, words: &[&str], vmbuild: &Command) -> Command {
    let mut command = Command::new(program);
    command.args(words).arg(vmbuild.get_program()).args(vmbuild.get_args());
    command.envs(vmbuild.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(vmbuild.get_current_dir().expect("it has one")).stdin(Stdio::null());
    command
}

/// True if a program is installed.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file())
}

/// How a run ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Demands an exit code, showing everything otherwise.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON events on stdout.
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The events of one kind.
    pub(crate) fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    vmbuild(args).output().expect("vmbuild starts").into()
}

/// Machines that exist, by `vmbuild status --json`.
pub(crate) fn machines() -> Vec<Value> {
    let ran = run(&["status", "--json"]).expect(0);
    let document: Value = serde_json::from_str(&ran.stdout).expect("status prints one JSON document");
    document["machines"].as_array().expect("a list of machines").clone()
}

/// Processes that have the marker in their command line or environment: what a run left behind.
pub(crate) fn processes_with(marker: &str) -> Vec<String> {
    let entries = fs_err::read_dir("/proc").expect("/proc is mounted");
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let read = |name: &str| fs_err::read(entry.path().join(name)).unwrap_or_default();
        let text = [read("cmdline"), read("environ")].concat();
        let text = String::from_utf8_lossy(&text).replace('\0', " ");
        if text.contains(marker) && entry.file_name() != *std::process::id().to_string() {
            found.push(format!("{}: {}", entry.file_name().to_string_lossy(), &text[..text.len().min(200)]));
        }
    }
    found
}

/// Mounts of this mount namespace under a path.
pub(crate) fn mounts_under(path: &Path) -> Vec<String> {
    let table = fs_err::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    table.lines().filter(|line| line.contains(&*path.to_string_lossy())).map(str::to_owned).collect()
}

/// Every entry of a folder, recursively.
pub(crate) fn tree(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(path) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        all.push(entry.path());
        if entry.path().is_dir() {
            all.extend(tree(&entry.path()));
        }
    }
    all
}

/// Says why a test did not run; the skips are counted at the end of the run.
pub(crate) fn skip(test: &str, reason: &str) {
    // A panic-free print that nextest keeps: the count at the end of the run reads it.
    let _ = writeln!(std::io::stdout(), "skipped: {test}: {reason}");
}

/// Standard error of a running `vmbuild`.
pub(crate) struct Said(BufReader<ChildStderr>);

impl Said {
    pub(crate) fn of(child: &mut Child) -> Self {
        Self(BufReader::new(child.stderr.take().expect("piped")))
    }

    /// Reads up to a line that has these words.
    pub(crate) fn wait_for(&mut self, words: &str) {
        let mut all = String::new();
        while !all.contains(words) {
            let count = self.0.read_line(&mut all).expect("text");
            assert!(count > 0, "`{words}` was not said:\n{all}");
        }
    }
}

/// A pseudo-terminal that `vmbuild` runs on, as in somebody's window.
pub(crate) struct Terminal {
    ours: std::fs::File,
    theirs: std::os::fd::OwnedFd,
    shown: String,
}

/// A program on it.
pub(crate) struct OnTerminal(std::process::Child);

impl OnTerminal {
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).expect("it runs");
    }

    /// Waits for it and gives its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.0.wait().expect("it ends").code()
    }
}

impl Terminal {
    pub(crate) fn new(rows: u16, columns: u16) -> Self {
        use rustix::fs::{Mode, OFlags};
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("pseudo-terminals");
        grantpt(&ours).expect("it is ours");
        unlockpt(&ours).expect("it is ours");
        let name = ptsname(&ours, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name, flags, Mode::empty()).expect("its other side");
        let terminal = Self { ours: ours.into(), theirs, shown: String::new() };
        terminal.set_size(rows, columns);
        terminal
    }

    fn set_size(&self, ws_row: u16, ws_col: u16) {
        let size = rustix::termios::Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.ours, size).expect("a terminal has a size");
    }

    /// Starts `vmbuild` in a session of its own, whose terminal this is: that is how it hears of new sizes.
    pub(crate) fn start(&self, args: &[&str]) -> OnTerminal {
        let clone = || self.theirs.try_clone().expect("a descriptor");
        // setsid(1) of util-linux, an essential package: code between fork and exec would be unsafe.
        let mut session = through("setsid", &["--ctty", "--wait"], &vmbuild(args));
        OnTerminal(
            session
                .env("TERM", "vt100")
                .stdin(clone())
                .stdout(clone())
                .stderr(clone())
                .spawn()
                .expect("vmbuild starts"),
        )
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.set_size(rows, columns);
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).expect("it takes input");
    }

    /// Reads until this has been shown since the last time.
    pub(crate) fn wait_for(&mut self, text: &str) {
        use std::io::Read;
        let mut buffer = [0; 4096];
        while !self.shown.contains(text) {
            let count = self.ours.read(&mut buffer).unwrap_or_else(|error| panic!("{error} after {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        self.shown.clear();
    }

    /// The flags that raw mode changes.
    pub(crate) fn mode(&self) -> String {
        let mode = rustix::termios::tcgetattr(&self.theirs).expect("a terminal has a mode");
        format!("{:?} {:?} {:?}", mode.input_modes, mode.output_modes, mode.local_modes)
    }
}
