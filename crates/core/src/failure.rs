//! How a command ends: exit codes, and what every error must be able to say.

use std::io;
use std::process::ExitCode;
use vmbuild_protocol::OutputStream;

/// The documented exit codes. `vmbuild exec` alone may also end with the guest program's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Success = 0,
    /// The job failed: a build step, or a check.
    Job = 1,
    /// Wrong use: unknown version, image, option.
    Usage = 2,
    /// The environment cannot: missing tool, no space, unreachable source, a machine that died.
    Environment = 3,
    /// Bytes are not those that were promised.
    Integrity = 4,
    /// Ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What every module's error says besides its message.
pub trait Diagnose: std::error::Error {
    /// The exit code it leads to.
    fn exit(&self) -> Exit;

    /// What to do about it, one sentence each; may be empty.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Any module's error, on its way to the renderer.
pub type Failure = Box<dyn Diagnose + Send + Sync + 'static>;

impl<E: Diagnose + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// One of the two standard streams takes no more bytes.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard {}", match stream { OutputStream::Stdout => "output", OutputStream::Stderr => "error" })]
pub struct OutputError {
    /// Which one.
    pub stream: OutputStream,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl OutputError {
    /// Whether nobody reads the stream any more, as in `vmbuild status | head -1`.
    pub fn is_closed_pipe(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

impl Diagnose for OutputError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

impl Diagnose for vmbuild_supervise::RunError {
    fn exit(&self) -> Exit {
        match self {
            Self::Cancelled { .. } => Exit::Interrupted,
            Self::NotStarted { .. } | Self::Failed { .. } | Self::TimedOut { .. } | Self::Pipe { .. } => {
                Exit::Environment
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotStarted { program, .. } => {
                vec![format!("`vmbuild doctor` says what is missing and how to install `{program}`")]
            }
            _ => Vec::new(),
        }
    }
}
