//! Errors of a copy.

use crate::SessionError;
use std::path::PathBuf;
use vmbuild_archive::ReplaceError;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::FailureKind;

/// Errors of a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A folder, but folders are not to be copied.
    #[error("{0} is a folder")]
    Folder(String),
    /// The machine has nothing there.
    #[error("there is no {0} in the machine")]
    Missing(String),
    /// It has no name to keep, such as `/`.
    #[error("{0} has no name of its own")]
    NoName(String),
    /// The protocol's paths are UTF-8.
    #[error("the name {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// The guest's list of a tree is invalid.
    #[error("the machine lists `{entry}`, which {why}")]
    Listing {
        /// The path as it was listed.
        entry: String,
        /// Its flaw.
        why: &'static str,
    },
    /// The target cannot be replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// Something else is in the place of a folder.
    #[error("{} is in the way: it is not a folder", .0.display())]
    InTheWay(PathBuf),
    /// A file here.
    #[error("failed to copy")]
    Local(#[from] std::io::Error),
    /// The session.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Diagnose for CopyError {
    fn exit(&self) -> Exit {
        match self {
            Self::Folder(_)
            | Self::Missing(_)
            | Self::NoName(_)
            | Self::NotUtf8(_)
            | Self::Replace(ReplaceError::NotAFile { .. } | ReplaceError::Dangling(_)) => Exit::Usage,
            Self::Listing { .. } => Exit::Integrity,
            Self::InTheWay(_) | Self::Replace(ReplaceError::Io { .. }) | Self::Local(_) => Exit::Environment,
            // The target in the machine is not one that can be written.
            Self::Session(SessionError::Refused(failure)) if failure.kind == FailureKind::Invalid => Exit::Usage,
            Self::Session(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Folder(_) => vec!["`-r` copies a folder with its contents".to_owned()],
            Self::Session(SessionError::Lost | SessionError::Cancelled) => {
                vec!["run the same command again to resume the copy".to_owned()]
            }
            Self::Session(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}
