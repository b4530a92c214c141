//! Errors of an image's kernel.

use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};

/// Why an image's kernel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel package is not laid out as expected.
    #[error("{} {problem}", path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// The problem.
        problem: &'static str,
    },
    /// A module that the image wants is neither built in nor in the package.
    #[error("the kernel has no module `{module}`")]
    NoModule {
        /// The module.
        module: String,
    },
}

impl Diagnose for KernelError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}
