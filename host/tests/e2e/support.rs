//! Running the program and reading what it says.

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The root of the clone.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// The store all tests share.
pub(crate) fn store() -> PathBuf {
    root().join("target/test-store")
}

/// `vmbuild` with the shared store and the static agent.
#[expect(clippy::disallowed_methods, reason = "a test drives the program from outside")]
pub(crate) fn vmbuild(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vmbuild"));
    // Relative paths, such as the default folder of artifacts, must not end up in the sources.
    let here = root().join("target/test-cwd");
    fs_err::create_dir_all(&here).expect("a folder to run in");
    command.current_dir(here).args(args).env("VMBUILD_HOME", store()).env("NO_COLOR", "1").stdin(Stdio::null());
    if std::env::var_os("VMBUILD_AGENT").is_none() {
        command.env("VMBUILD_AGENT", root().join("target/release/vmbuild-agent"));
    }
    command
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
