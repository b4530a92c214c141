//! Trees of files in and out of the guest, with transfers that can be resumed.

use serde::{Deserialize, Serialize};

/// Hash the first bytes of a file. Answered with how many there were, and their SHA-256; a file that does not exist has
/// no bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Absolute path in the guest.
    pub path: String,
    /// How many bytes to read at most.
    pub bytes: u64,
}

/// Receive the rest of a file: data frames, then `DataEnd` with the digest of the *whole* file. It appears under its
/// name only when complete and equal; until then it has another, and keeps that if the transfer breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRest {
    /// Absolute path in the guest; parents are created.
    pub path: String,
    /// Its path while it arrives: another name in the same folder.
    pub arriving: String,
    /// Bytes of it that are there already; bytes after them are dropped.
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

/// List the entry at a path, if there is one, and, if it is a folder, those in it: folders before their contents. A
/// symbolic link at the path itself is followed, one below it is not.
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
    /// Relative to the requested path; empty for that path itself.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Its kind.
    pub kind: EntryKind,
}

/// Kinds of entries.
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

/// Create a folder or a symbolic link. A folder that exists gets the permissions; a link replaces a file or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Make {
    /// Absolute path in the guest; its parent exists.
    pub path: String,
    /// The entry.
    pub what: NewEntry,
}

/// An entry to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewEntry {
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
