//! Errors of a `vmbuild.toml`.

use super::keys::{KEYS, SettingKey};
use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};

/// Reasons why a `vmbuild.toml` is refused. Each names the line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("failed to read the project's settings")]
    Unreadable(#[from] std::io::Error),
    /// Invalid TOML.
    #[error("{}:{line}: {reason}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The parser's message.
        reason: String,
    },
    /// `schema = 1` is missing or another number.
    #[error("{}: {found}", file.display())]
    Schema {
        /// The file.
        file: PathBuf,
        /// A description of what was found.
        found: String,
    },
    /// Unknown key.
    #[error("{}:{line}: unknown setting `{key}`", file.display())]
    Unknown {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value that its option refuses.
    #[error("{}:{line}: `{key}`: {reason}", file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// The reason.
        reason: String,
    },
}

impl Diagnose for ConfigError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable(_) => Exit::Environment,
            _ => Exit::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { key, .. } => vec![match SettingKey::nearest(key) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", KEYS.map(|key| key.name).join(", ")),
            }],
            Self::Schema { .. } => vec!["add `schema = 1` as the first line of the file".to_owned()],
            _ => Vec::new(),
        }
    }
}
