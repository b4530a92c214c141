//! Helpers shared by the tests of several crates. Like the tests, they panic where something is not as it must be.

#![allow(clippy::missing_panics_doc, clippy::print_stdout, reason = "helpers of tests panic and print as tests do")]

pub mod gpg;
pub mod http_server;
pub mod published;

use std::path::{Path, PathBuf};

/// The root of the clone.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in `crates`").to_owned()
}

/// The store that tests share, so that golden machines are made once per clone.
pub fn shared_store() -> PathBuf {
    workspace_root().join("target/test-store")
}
