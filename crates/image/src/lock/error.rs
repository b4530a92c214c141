//! Errors of an image's lock.

use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_packages::{PackageChange, joined};

/// Why an image does not match its lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock names no kernel.
    #[error("the lock of `{image}` names no kernel")]
    NoKernel {
        /// The image.
        image: String,
    },
    /// The image has no lock.
    #[error("image `{image}` has no lock for {arch}")]
    NoLock {
        /// The image.
        image: String,
        /// The architecture, as `uname -m` prints it.
        arch: &'static str,
    },
    /// The archive no longer offers the locked packages.
    #[error("the packages of `{image}` differ from its lock: {}", joined(changes))]
    Drift {
        /// The image.
        image: String,
        /// The differences.
        changes: Vec<PackageChange>,
    },
    /// The installed packages are not the resolved ones.
    #[error("the installed packages differ from the resolved ones: {}", joined(changes))]
    Installed {
        /// The differences.
        changes: Vec<PackageChange>,
    },
}

impl Diagnose for LockError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoLock { .. } => Exit::Usage,
            Self::Drift { .. } | Self::Installed { .. } => Exit::Integrity,
            Self::NoKernel { .. } => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoLock { image, .. } | Self::Drift { image, .. } => vec![
                format!("`vmbuild image build {image} --update-lock` writes a lock of the archive's current packages"),
                "without --locked a difference is a warning".to_owned(),
            ],
            _ => Vec::new(),
        }
    }
}
