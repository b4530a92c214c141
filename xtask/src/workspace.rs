//! Shared by all tasks: the repository's root, running programs in it, cancellation.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline, RunError};

/// Longer than any task takes: the full tests compile CPython twice.
const LIMIT: Duration = Duration::from_hours(3);

/// Time limit for removing what a task made.
const CLEANING: Duration = Duration::from_mins(1);

/// The repository.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    cancel: CancellationToken,
}

/// Reasons for a task to fail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// A program failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A program's output was not understood.
    #[error("unexpected output from `{0}`")]
    Silent(&'static str),
    /// The agent needs a dynamic loader, which a bare guest lacks.
    #[error("{} is not static: it has a PT_INTERP header", .0.display())]
    Dynamic(PathBuf),
    /// A rule of `lint` is broken.
    #[error("violations of the repository's rules: {0}")]
    Untidy(usize),
}

impl Workspace {
    /// Ctrl-C and TERM end the running program and everything it started.
    pub(crate) fn new() -> Self {
        let cancel = CancellationToken::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            if let Ok(mut signals) = signal(kind) {
                let cancel = cancel.clone();
                tokio::spawn(async move {
                    signals.recv().await;
                    cancel.cancel();
                });
            }
        }
        Self { root: root(), cancel }
    }

    /// The cargo that runs this.
    pub(crate) fn cargo(&self) -> Command {
        self.outside_package(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// A program without the variables that describe xtask's own package.
    ///
    /// `cargo run` sets them, and ring's build script asks to be rerun when they change: each `cargo xtask lint` would
    /// make the next plain `cargo nextest run` compile ring and everything above it again.
    fn outside_package(&self, program: impl AsRef<OsStr>) -> Command {
        let kept = std::env::vars_os().filter(|(name, _)| !of_package(name));
        kept.fold(self.program(program).env_clear(), |command, (name, value)| command.env(name, value))
    }

    /// A program in the repository's root.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        Command::new(program).current_dir(&self.root)
    }

    /// Runs it with our own standard streams, demanding success.
    pub(crate) async fn show(&self, command: Command) -> Result<(), TaskError> {
        say(&format!("$ {}", command.line()));
        let command = command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        command.run(Deadline::after(LIMIT), &self.cancel, |_| {}).await?;
        Ok(())
    }

    /// Runs what removes things again: also after Ctrl-C, and for a minute at most.
    pub(crate) async fn clean_up(&self, command: Command) -> Result<(), TaskError> {
        command.output(Deadline::after(CLEANING), &CancellationToken::new()).await?;
        Ok(())
    }

    /// Runs it and returns what it wrote to standard output.
    pub(crate) async fn read(&self, command: Command) -> Result<String, TaskError> {
        let bytes = command.output(Deadline::after(LIMIT), &self.cancel).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Returns true for variables that cargo sets for one package (The Cargo Book, "Environment variables").
fn of_package(name: &OsStr) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
}

/// The repository's root: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Writes a result to standard output, for `$(cargo xtask …)`.
pub(crate) fn print(line: &str) -> Result<(), TaskError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Writes a line to standard error.
pub(crate) fn say(line: &str) {
    // If nobody reads standard error, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cargo_is_told_nothing_of_this_package() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo runs this test");
        let workspace = Workspace::new();
        let environment = workspace.read(workspace.outside_package("env")).await.expect("env is everywhere");
        let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
        assert!(names.contains(&"PATH"), "{names:?}");
        assert!(!names.iter().any(|name| of_package(OsStr::new(name))), "{names:?}");
    }
}
