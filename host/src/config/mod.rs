//! A project's own defaults: `vmbuild.toml`, found upwards from the working directory.
//!
//! A team's choices (image, memory, profile) should not have to be typed, and nobody should have to guess where
//! a value came from. So the file only replaces defaults: the environment and the command line win over it, and
//! `vmbuild config` shows the origin of each value.

mod error;
mod file;
mod keys;

pub use error::ConfigError;
pub use file::{ProjectFile, ProjectSetting};
pub use keys::{KEYS, SettingKey, SettingKind};
