//! How a command ends: exit codes, and the trait that every error implements.

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
    /// Wrong usage: unknown version, image, option.
    Usage = 2,
    /// The environment is at fault: missing tool, no space, unreachable source, a machine that died.
    Environment = 3,
    /// Bytes differ from those that were promised.
    Integrity = 4,
    /// Ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit code and hints that every error has besides its message.
pub trait Diagnose: std::error::Error {
    /// The exit code it leads to.
    fn exit(&self) -> Exit;

    /// Ways to solve it, one sentence each; may be empty.
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

/// The messages of an error and its causes, outermost first. A cause whose text the message above it contains is left
/// out: transparent errors would be repeated.
pub fn chain(error: &(impl std::error::Error + ?Sized)) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if messages.last().is_some_and(|above| !above.contains(&text)) {
            messages.push(text);
        }
        next = cause.source();
    }
    messages
}

/// An error and its causes on one line, for a warning or the trace.
pub fn chain_line(error: &(impl std::error::Error + ?Sized)) -> String {
    chain(error).join(": ")
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
    /// True if nobody reads the stream any more, as in `vmbuild status | head -1`.
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
                vec![format!("run `vmbuild doctor` to see how to install `{program}`")]
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{chain, chain_line};
    use std::io::Error;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("failed to read the settings")]
        Read(#[source] Error),
        #[error("failed to read the settings: {0}")]
        Repeats(#[source] Error),
        #[error(transparent)]
        Transparent(#[from] Error),
    }

    #[test]
    fn each_cause_is_named_once() {
        let check = |error: Outer, expect: &[&str]| {
            assert_eq!(chain(&error), expect);
            assert_eq!(chain_line(&error), expect.join(": "));
        };
        let denied = || Error::other("permission denied");
        check(Outer::Read(denied()), &["failed to read the settings", "permission denied"]);
        check(Outer::Repeats(denied()), &["failed to read the settings: permission denied"]);
        check(Outer::Transparent(denied()), &["permission denied"]);
    }
}
