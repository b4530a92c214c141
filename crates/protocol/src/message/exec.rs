//! Running a program in the guest.

use serde::{Deserialize, Serialize};

/// A program with its arguments and environment. Nothing passes through a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// Variables set on top of the agent's own small environment (`PATH`, `HOME`, `LANG`, `TERM`).
    pub env: Vec<(String, String)>,
    /// Absolute working directory.
    pub cwd: String,
}

/// A request to run one program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The program.
    pub command: CommandLine,
    /// Milliseconds after which the program and all it started end; `None` for no limit.
    pub timeout_ms: Option<u64>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exited {
    /// It returned this status, 0 to 255.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
}

/// Where a process wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputStream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}
