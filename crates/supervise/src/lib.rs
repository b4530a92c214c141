//! The one place where vmbuild and its agent start processes.
//!
//! Why not `tokio::process` directly: a child inherits ignored signals (a build started from a background job
//! inherits an ignored SIGINT, and CPython's PGO training then fails in `test_generators`), a killed parent
//! leaves grandchildren, and an error without the program's last output does not help. Every child here starts
//! in its own process group with default signal dispositions, dies with its parent unless started detached,
//! keeps the tail of its output, is waited for within a deadline, and is ended as a group: first TERM,
//! then KILL.
//!
//! `clippy.toml` bans `Command::new` elsewhere.

mod child;
mod command;
mod deadline;
mod started;
mod tail;

pub use child::{Child, ChildEnd};
pub use command::{ChildLifetime, Command};
pub use deadline::Deadline;
pub use started::is_started;
pub use tail::Tail;

/// Errors of running a program.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program does not exist or may not be run.
    #[error("failed to start `{program}`")]
    NotStarted {
        /// The program to run.
        program: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It ran and failed.
    #[error("`{command}` {ended}{}", tail.as_suffix())]
    Failed {
        /// The command line, quoted for a shell.
        command: String,
        /// How it ended.
        ended: ChildEnd,
        /// The last lines it wrote.
        tail: Tail,
    },
    /// It was still running at the deadline, and was ended.
    #[error("`{command}` was still running after {} s{}", limit.as_secs(), tail.as_suffix())]
    TimedOut {
        /// The command line, quoted for a shell.
        command: String,
        /// The time it had.
        limit: std::time::Duration,
        /// The last lines it wrote.
        tail: Tail,
    },
    /// The caller's cancellation ended it.
    #[error("`{command}` was interrupted")]
    Cancelled {
        /// The command line, quoted for a shell.
        command: String,
    },
    /// Its pipes failed.
    #[error("lost contact with `{command}`")]
    Pipe {
        /// The command line, quoted for a shell.
        command: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}
