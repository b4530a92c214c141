//! What every task uses: where the repository is, how to run a program in it, how to end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline, RunError};

/// Longer than any task: the full tests compile CPython twice.
const LIMIT: Duration = Duration::from_hours(3);

/// How long to remove what a task made.
const CLEANING: Duration = Duration::from_mins(1);

/// The repository.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    cancel: CancellationToken,
}

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// A program did.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A program spoke otherwise than expected.
    #[error("`{0}` said nothing usable")]
    Silent(&'static str),
    /// The agent needs a loader that no bare guest has.
    #[error("{} has a PT_INTERP header: it is not static", .0.display())]
    Dynamic(PathBuf),
    /// The rules of `tidy`.
    #[error("{0} places break the repository's rules")]
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
        self.program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// A program in the repository's root.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
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

/// The repository's root: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A line to standard error.
pub(crate) fn say(line: &str) {
    // There is nobody to tell that nobody listens.
    let _ = writeln!(std::io::stderr(), "{line}");
}
