//! Choosing an accelerator.

use super::device::HypervisorDevice;
use super::examine::{BootFiles, ProbeFreshness, examine};
use super::finding::AcceleratorFinding;
use crate::Accelerator;
use crate::qemu::{QemuBinary, QemuError};
use std::error::Error;
use std::fmt;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::Store;

/// Error of choosing an accelerator.
#[derive(Debug, thiserror::Error)]
pub enum AcceleratorError {
    /// The requested accelerator cannot be used.
    #[error("{0}")]
    Unavailable(Box<AcceleratorFinding>),
    /// QEMU itself cannot be used.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// No files to boot for a probe.
    #[error("failed to get a kernel for the probe")]
    Boot(#[source] BootFailure),
}

/// Error of another crate, as a source of this one.
#[derive(Debug)]
pub struct BootFailure(Failure);

impl From<Failure> for BootFailure {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl fmt::Display for BootFailure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, to)
    }
}

impl Error for BootFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnose for AcceleratorError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unavailable(_) => Exit::Environment,
            Self::Qemu(error) => error.exit(),
            Self::Boot(error) => error.0.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unavailable(finding) => finding.hint().into_iter().collect(),
            Self::Qemu(error) => error.hints(),
            Self::Boot(error) => error.0.hints(),
        }
    }
}

/// A choice and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenAccelerator {
    /// The accelerator.
    pub accelerator: Accelerator,
    /// The reason, for people.
    pub why: String,
}

/// The hypervisor of this operating system.
pub const HARDWARE: Accelerator = if cfg!(target_os = "macos") { Accelerator::Hvf } else { Accelerator::Kvm };

/// Chooses an accelerator. A requested one is taken without a probe, unless its device is missing; otherwise it is this
/// system's hypervisor if that really works, or translation.
pub async fn choose(
    requested: Option<Accelerator>,
    store: &Store,
    boot: impl AsyncFnOnce() -> Result<BootFiles, Failure>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ChosenAccelerator, AcceleratorError> {
    if let Some(accelerator) = requested {
        return choose_requested(accelerator, cancel).await;
    }
    let finding = examine(HARDWARE, ProbeFreshness::Cached, store, boot, events, cancel).await?;
    if finding.works() {
        return Ok(ChosenAccelerator { accelerator: HARDWARE, why: finding.to_string() });
    }
    QemuBinary::find(cancel).await?;
    Ok(ChosenAccelerator { accelerator: Accelerator::Tcg, why: finding.to_string() })
}

async fn choose_requested(
    accelerator: Accelerator,
    cancel: &CancellationToken,
) -> Result<ChosenAccelerator, AcceleratorError> {
    let device = HypervisorDevice::of(accelerator).await;
    if device != HypervisorDevice::Usable {
        return Err(AcceleratorError::Unavailable(Box::new(AcceleratorFinding::new(accelerator, device, None))));
    }
    QemuBinary::find(cancel).await?;
    Ok(ChosenAccelerator { accelerator, why: "asked for".to_owned() })
}
