//! Trees of files in and out of the guest, going on from what an interrupted transfer left.

use serde::{Deserialize, Serialize};

/// Say what lies in the first bytes of a file. Answered with how many there were, and their SHA-256; a file that does
/// not exist has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Absolute path in the guest.
    pub path: String,
    /// How many bytes to read at most.
    pub bytes: u64,
}

/// Receive the rest of a file: data frames, then `DataEnd` with the digest of the *whole* file. It appears under its
/// name only when whole and equal; until then it lies under another, and stays there if the transfer breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRest {
    /// Absolute path in the guest; parents are made.
    pub path: String,
    /// Where it lies while it arrives: another name in the same folder.
    pub arriving: String,
    /// Bytes of it that are there already; what lies behind them is dropped.
    pub from: u64,
    /// Permission bits, such as `0o4755`.
    pub mode: u32,
    /// Bytes the whole file has.
    pub size: u64,
}

/// Send the rest of a file as data frames, then `DataEnd` with the digest of the *whole* file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRest {
    /// Absolute path in the guest.
    pub path: String,
    /// Bytes the host has already.
    pub from: u64,
}

/// Say what lies at a path, if anything, and, if it is a folder, in it: folders before what they hold. A symbolic link at the path
/// itself is followed, one below it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Absolute path in the guest.
    pub path: String,
    /// How many folders deep to look; 0 for the path alone.
    pub depth: u32,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Relative to the path that was asked for; empty for that path itself.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// An ordinary file.
    File {
        /// Its length.
        bytes: u64,
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// Where it leads, as written in it.
        target: String,
    },
    /// A device, pipe or socket.
    Other,
}

/// Make a folder or a symbolic link. A folder that exists gets the permissions; a link replaces a file or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Make {
    /// Absolute path in the guest; its parent exists.
    pub path: String,
    /// What to make.
    pub what: Made,
}

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    /// A folder.
    Folder {
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: String,
    },
}
