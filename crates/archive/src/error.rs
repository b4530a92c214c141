//! Errors of archives.

use std::path::{Path, PathBuf};

/// Errors of packing, reading and unpacking archives.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file or folder could not be used.
    #[error("could not {doing} {}", .path.display())]
    Io {
        /// The action: `read`, `create`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// An entry is not one that an artifact may have.
    #[error("{}: entry `{entry}` {why}", .archive.display())]
    Refused {
        /// The archive, or the tree that was to become one.
        archive: PathBuf,
        /// The entry's name in it.
        entry: String,
        /// Its flaw.
        why: EntryRefusal,
    },
    /// The archive would become part of itself.
    #[error("the archive {} would lie in the tree that it packs", .0.display())]
    InsideTree(PathBuf),
    /// A file became longer or shorter while it was packed.
    #[error("{} changed while it was packed", .0.display())]
    Changed(PathBuf),
}

/// Flaws of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefusal {
    /// It starts at the root.
    #[error("has an absolute path")]
    Absolute,
    /// It leads upwards.
    #[error("has `..` in its path")]
    Climbs,
    /// It has no name.
    #[error("has an empty path")]
    Nameless,
    /// A link whose target is, or may be, outside.
    #[error("is a link that leads out of the tree")]
    LeadsOut,
    /// A hard link to something that is not an earlier file of the archive.
    #[error("is a hard link to something other than an earlier file of the archive")]
    NoSuchFile,
    /// A parent of it is a link or a file.
    #[error("lies below something that is not a folder")]
    NotBelowFolder,
    /// The same path occurs twice, or exists already.
    #[error("occurs twice, or exists already")]
    Twice,
    /// Neither a file, a folder nor a link.
    #[error("is neither a file, a folder nor a link")]
    Kind,
}

/// Turns an I/O error into one that names action and path.
pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ArchiveError {
    move |source| ArchiveError::Io { doing, path: path.to_owned(), source }
}
