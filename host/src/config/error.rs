//! Why a `vmbuild.toml` is refused.

use super::keys::{KEYS, SettingKey};
use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};

/// Why a `vmbuild.toml` is refused. Each names the line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("failed to read a project's settings")]
    Unreadable(#[from] std::io::Error),
    /// It is not TOML.
    #[error("{}:{line}: {reason}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// `schema = 1` is missing or another number.
    #[error("{}: {found}", file.display())]
    Schema {
        /// The file.
        file: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// No such key.
    #[error("{}:{line}: there is no setting `{key}`", file.display())]
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
        /// Why.
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
                None => format!("the settings are {}", KEYS.map(|key| key.name).join(", ")),
            }],
            Self::Schema { .. } => vec!["the file's first line is to be `schema = 1`".to_owned()],
            _ => Vec::new(),
        }
    }
}
