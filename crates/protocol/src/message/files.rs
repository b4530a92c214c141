//! Files in and out of the guest. The bytes travel as data frames, hashed on both sides.

use serde::{Deserialize, Serialize};

/// Receive a file: data frames, then `DataEnd`. It appears under its name only when complete and equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutFile {
    /// Absolute path in the guest; parents are created.
    pub path: String,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
    /// Bytes to expect.
    pub size: u64,
}

/// Send a file as data frames, then `DataEnd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetFile {
    /// Absolute path in the guest.
    pub path: String,
}

/// How many bytes there were, and their SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 over them.
    pub sha256: [u8; 32],
}
