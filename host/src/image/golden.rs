//! A golden machine: one bootstrap, provisioned once, sealed, seen as a tree or as a disk.

use crate::event::Events;
use crate::failure::{Diagnose, Exit};
use crate::machine::{RootDisk, RootTree};
use crate::store::Store;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// What a golden machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Compiling: toolchain and development packages.
    Build,
    /// Validating: what a user's machine has, no compiler, no development package.
    Clean,
}

/// Why there is no golden machine.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Its files.
    #[error("failed to prepare the image")]
    Io(#[from] std::io::Error),
}

impl Diagnose for ImageError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

/// A sealed golden machine.
#[derive(Debug, Clone)]
pub struct Golden {}

#[expect(unused_variables, clippy::unused_async, reason = "C2")]
impl Golden {
    /// The golden machine of `image` for `role`: from the store, or made now (bootstrap, provision, seal).
    pub async fn prepare(
        store: &Store,
        image: &str,
        role: Role,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        todo!("C2")
    }

    /// The image's name, such as `debian-12`.
    pub fn image(&self) -> &str {
        todo!("C2")
    }

    /// The word for the image in artifact names, such as `debian12`.
    pub fn artifact_word(&self) -> &str {
        todo!("C2")
    }

    /// SHA-256 (hex) over what the golden machine was made of and what was installed: its identity.
    pub fn digest(&self) -> &str {
        todo!("C2")
    }

    /// Its view as a tree.
    pub fn tree(&self) -> RootTree {
        todo!("C2")
    }

    /// Its view as a disk with kernel and initramfs, made when first asked for.
    pub async fn disk(
        &self,
        agent: &Path,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<RootDisk, ImageError> {
        todo!("C2")
    }
}
