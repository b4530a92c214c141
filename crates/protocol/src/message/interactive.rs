//! Programs that are fed while they run, and connections: bytes in both directions.

use super::CommandLine;
use serde::{Deserialize, Serialize};

/// A request to run one program and feed it. The host sends data frames and then `DataEnd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interactive {
    /// The program. An empty `argv` stands for root's login shell.
    pub command: CommandLine,
    /// Milliseconds after which the program and all it started end; `None` for no limit.
    pub timeout_ms: Option<u64>,
    /// Its standard input.
    pub input: ProgramInput,
}

/// Standard input of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramInput {
    /// A pipe. Standard output and error are pipes too.
    Piped,
    /// A terminal of its own, which is also its standard output and error: all of it arrives as `Stdout`.
    Terminal {
        /// How large it is.
        size: TerminalSize,
        /// The kind of terminal the host has: the variable `TERM`.
        kind: String,
    },
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// A request to connect to a TCP port on the guest's own loopback. Data frames go both ways; each side sends
/// `DataEnd` when it will send no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The port.
    pub port: u16,
}
