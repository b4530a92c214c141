//! The first frame each side sends, readable by every version of the other.

use serde::{Deserialize, Serialize};

/// The protocol's number: raised when a frame or message changes meaning. Appending a variant does not raise it.
pub const PROTOCOL: u32 = 1;

/// The first line that an agent on standard input and output writes to standard error. After it, the program that started
/// the agent through others (a shell, sudo) knows that the agent reads.
pub const STDIO_READY: &str = "vmbuild-agent: serving on standard input and output";

/// The sources of this binary: 16 hex digits over the sources that host and agent share.
pub const BUILD_ID: &str = env!("VMBUILD_BUILD_ID");

/// A random number chosen by the host for each session. Frames of any other epoch are dropped by both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u32);

/// The identity of each side. Sent by the host first; the agent answers with its own, under the host's epoch.
///
/// Fields are never removed, reordered or retyped; new ones go to the end of a *new* message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the sender.
    pub protocol: u32,
    /// [`BUILD_ID`] of the sender.
    pub build: String,
    /// The session this hello opens (host) or confirms (agent).
    pub epoch: Epoch,
}

impl Hello {
    /// This binary's hello for the given session.
    pub fn ours(epoch: Epoch) -> Self {
        Self { protocol: PROTOCOL, build: BUILD_ID.to_owned(), epoch }
    }
}
