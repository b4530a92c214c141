//! Helpers shared by the tests of several crates. Like tests, they panic on failure.

#![allow(clippy::missing_panics_doc, clippy::print_stdout, reason = "test helpers panic and print like tests")]

pub mod gpg;
pub mod http_server;
pub mod published;

use std::path::{Path, PathBuf};

/// Returns the root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in `crates`").to_owned()
}

/// Returns the store that tests share, so that golden machines are provisioned only once per clone.
pub fn shared_store() -> PathBuf {
    workspace_root().join("target/test-store")
}
