//! Errors of images, by the part that failed.

use crate::cloud::CloudError;
use crate::description::DescriptionError;
use crate::first_boot::FirstBootError;
use crate::golden::GoldenError;
use crate::host_tool::HostToolError;
use crate::kernel::KernelError;
use crate::lock::LockError;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_machine::MachineError;
use vmbuild_packages::PackagesError;
use vmbuild_supervise::RunError;

/// Why an image could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file of the store.
    #[error("failed to prepare the image")]
    Io(#[from] std::io::Error),
    /// The image's description.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// A package archive or the package cache.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// The image's lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A program that works on a golden machine's files.
    #[error(transparent)]
    Tool(#[from] HostToolError),
    /// Another program of the host.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The machine that installs packages, or its agent.
    #[error("failed to install packages")]
    Machine(#[from] MachineError),
    /// The image's kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A golden machine in the store.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// A publisher's disk.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The first boot of a publisher's disk.
    #[error(transparent)]
    FirstBoot(#[from] FirstBootError),
    /// The caller's cancellation.
    #[error("preparing the image was interrupted")]
    Cancelled,
}

impl ImageError {
    /// The part that failed; `None` where there is nothing to add.
    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(match self {
            Self::Io(_) | Self::Cancelled => return None,
            Self::Description(error) => error,
            Self::Packages(error) => error,
            Self::Lock(error) => error,
            Self::Tool(error) => error,
            Self::Run(error) => error,
            Self::Machine(error) => error,
            Self::Kernel(error) => error,
            Self::Golden(error) => error,
            Self::Cloud(error) => error,
            Self::FirstBoot(error) => error,
        })
    }
}

impl Diagnose for ImageError {
    fn exit(&self) -> Exit {
        match self {
            Self::Cancelled => Exit::Interrupted,
            other => other.inner().map_or(Exit::Environment, Diagnose::exit),
        }
    }

    fn hints(&self) -> Vec<String> {
        self.inner().map(Diagnose::hints).unwrap_or_default()
    }
}
