//! Choosing the backend that runs a machine, with the reason.

use crate::accelerator::{self, AcceleratorError, BootFiles, HARDWARE, ProbeFreshness, examine};
use crate::backend::{AutoRank, BACKENDS, Backend, BackendUnavailable, FeatureSupport, MachineRoot};
use crate::qemu::{QemuBinary, QemuError};
use crate::spec::UnknownName;
use crate::{Accelerator, BackendKind, MachineError, StartSource};
use std::fmt;
use std::str::FromStr;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{EventKind, Events, Part};
use vmbuild_core::failure::{Diagnose, Exit, Failure, chain_line};
use vmbuild_core::store::Store;

/// Value of `--backend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The fastest that really works.
    #[default]
    Auto,
    /// This one.
    Only(BackendKind),
}

impl BackendChoice {
    /// All values: `auto` and every registered backend.
    pub fn all() -> Vec<Self> {
        let registered = BACKENDS.iter().map(|backend| Self::Only(backend.kind()));
        std::iter::once(Self::Auto).chain(registered).collect()
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(kind) => kind.as_str(),
        }
    }

    /// One line for `--help`.
    pub fn about(self) -> &'static str {
        match self {
            Self::Auto => "The fastest that really works",
            Self::Only(kind) => kind.backend().about(),
        }
    }

    /// Returns true if it is accepted but not listed.
    pub fn is_hidden(self) -> bool {
        matches!(self, Self::Only(kind) if kind.backend().features().auto == AutoRank::Trial)
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl FromStr for BackendChoice {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("backend", text, &Self::all(), Self::as_str)
    }
}

/// Backend and accelerator that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackendRequest {
    /// `--backend`.
    pub backend: BackendChoice,
    /// `--accel`.
    pub accelerator: Option<Accelerator>,
}

/// A choice and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenBackend {
    /// The backend that runs the machine.
    pub backend: BackendKind,
    /// The accelerator, if the backend has one.
    pub accelerator: Option<Accelerator>,
    /// The reason, for people.
    pub why: String,
}

/// Reason why no backend was chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// An accelerator was asked for together with a backend that takes none.
    #[error("backend `{backend}` does not take accelerator `{accelerator}`: {reason}")]
    NoAccelerator {
        /// The backend.
        backend: BackendKind,
        /// The accelerator.
        accelerator: Accelerator,
        /// The backend's reason.
        reason: &'static str,
        /// The backend's suggestion.
        hint: &'static str,
    },
    /// The backend that was asked for does not work on this host.
    #[error("backend `{backend}` does not work on this host: {source}")]
    Unavailable {
        /// The backend.
        backend: BackendKind,
        /// The reason.
        source: BackendUnavailable,
    },
    /// QEMU was asked for, or is the only one left.
    #[error(transparent)]
    Accelerator(#[from] AcceleratorError),
    /// No backend works on this host.
    #[error("no backend works on this host: {native}; {qemu}")]
    NoBackend {
        /// The reasons of the native backends.
        native: String,
        /// QEMU's reason.
        qemu: QemuError,
    },
}

impl Diagnose for ChooseError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoAccelerator { .. } => Exit::Usage,
            Self::NoBackend { .. } => Exit::Environment,
            Self::Unavailable { source, .. } => source.exit,
            Self::Accelerator(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoAccelerator { hint, .. } => vec![(*hint).to_owned()],
            Self::Unavailable { source, .. } => source.hints.clone(),
            Self::Accelerator(error) => error.hints(),
            Self::NoBackend { qemu, .. } => qemu.hints(),
        }
    }
}

/// Chooses a backend and reports it as an event. `boot` supplies files to boot for a probe, if one is needed.
///
/// `auto` takes QEMU if a hypervisor really works, else a native backend, which runs at the host's own speed, else QEMU
/// with translation, else a last resort. An accelerator that was asked for selects QEMU.
pub async fn choose_backend<B>(
    request: BackendRequest,
    store: &Store,
    boot: B,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ChosenBackend, ChooseError>
where
    B: AsyncFnOnce() -> Result<BootFiles, Failure>,
{
    let probe = async |backend: &'static dyn Backend| backend.works_here(cancel).await;
    choose_with(request, probe, store, boot, events, cancel).await
}

async fn choose_with<B, P>(
    request: BackendRequest,
    probe: P,
    store: &Store,
    boot: B,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ChosenBackend, ChooseError>
where
    B: AsyncFnOnce() -> Result<BootFiles, Failure>,
    P: AsyncFn(&'static dyn Backend) -> Result<(), BackendUnavailable>,
{
    tracing::debug!(?request, "choosing a backend");
    let chosen = match (request.backend, request.accelerator) {
        (BackendChoice::Only(kind), accelerator) => match (kind.backend().features().accelerator, accelerator) {
            (FeatureSupport::Unsupported { reason, hint }, Some(accelerator)) => {
                return Err(ChooseError::NoAccelerator { backend: kind, accelerator, reason, hint });
            }
            (FeatureSupport::Unsupported { .. }, None) => {
                let checked = probe(kind.backend()).await;
                checked.map_err(|source| ChooseError::Unavailable { backend: kind, source })?;
                ChosenBackend::without_accelerator(kind, "asked for".to_owned())
            }
            (FeatureSupport::Supported, _) => {
                accelerator::choose(accelerator, store, boot, events, cancel).await?.into()
            }
        },
        (BackendChoice::Auto, Some(_)) => {
            accelerator::choose(request.accelerator, store, boot, events, cancel).await?.into()
        }
        (BackendChoice::Auto, None) => choose_auto(probe, store, boot, events, cancel).await?,
    };
    events.emit(EventKind::Chose { part: Part::Machine, what: chosen.label(), why: chosen.why.clone() });
    Ok(chosen)
}

async fn choose_auto<B, P>(
    probe: P,
    store: &Store,
    boot: B,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ChosenBackend, ChooseError>
where
    B: AsyncFnOnce() -> Result<BootFiles, Failure>,
    P: AsyncFn(&'static dyn Backend) -> Result<(), BackendUnavailable>,
{
    let hardware = match examine(HARDWARE, ProbeFreshness::Cached, store, boot, events, cancel).await {
        Ok(finding) if finding.works() => {
            return Ok(accelerator::ChosenAccelerator { accelerator: HARDWARE, why: finding.to_string() }.into());
        }
        Ok(finding) => Ok(finding.to_string()),
        Err(stop) if stop.exit() == Exit::Interrupted => return Err(stop.into()),
        Err(AcceleratorError::Qemu(no_qemu)) => Err(no_qemu),
        // Without anything to boot a hypervisor cannot be trusted, and a native backend needs no kernel.
        Err(untested) => Ok(format!("{HARDWARE}: {}", chain_line(&untested))),
    };
    tracing::debug!(?hardware, "tested hardware acceleration");
    let no_native = match first_working(AutoRank::Native, &probe).await {
        Ok(native) => {
            let why = hardware.unwrap_or_else(|no_qemu| no_qemu.to_string());
            return Ok(ChosenBackend::without_accelerator(native, why));
        }
        Err(reasons) => reasons,
    };
    let qemu = match hardware {
        Ok(no_hardware) => QemuBinary::find(cancel).await.map(|_| no_hardware),
        Err(no_qemu) => Err(no_qemu),
    };
    match translated(qemu, &no_native) {
        Err(ChooseError::NoBackend { native, qemu }) => match first_working(AutoRank::LastResort, &probe).await {
            Ok(last) => Ok(ChosenBackend::without_accelerator(last, format!("{native}; {qemu}"))),
            Err(_) => Err(ChooseError::NoBackend { native, qemu }),
        },
        chosen => chosen,
    }
}

/// The first backend of a rank that works; or the reasons of all.
async fn first_working<P>(rank: AutoRank, probe: &P) -> Result<BackendKind, String>
where
    P: AsyncFn(&'static dyn Backend) -> Result<(), BackendUnavailable>,
{
    let mut reasons = Vec::new();
    for backend in BACKENDS.iter().copied().filter(|backend| backend.features().auto == rank) {
        match probe(backend).await {
            Ok(()) => return Ok(backend.kind()),
            Err(unavailable) => reasons.push(format!("{}: {unavailable}", backend.kind())),
        }
    }
    Err(reasons.join("; "))
}

/// QEMU with translation, for the reasons given; or neither.
fn translated(qemu: Result<String, QemuError>, no_native: &str) -> Result<ChosenBackend, ChooseError> {
    match qemu {
        Ok(no_hardware) => {
            let why = format!("{no_hardware}; {no_native}");
            Ok(accelerator::ChosenAccelerator { accelerator: Accelerator::Tcg, why }.into())
        }
        Err(qemu) => Err(ChooseError::NoBackend { native: no_native.to_owned(), qemu }),
    }
}

impl ChosenBackend {
    fn without_accelerator(backend: BackendKind, why: String) -> Self {
        Self { backend, accelerator: None, why }
    }

    /// A machine's start from `root`.
    pub fn start_from(&self, root: MachineRoot) -> Result<StartSource, MachineError> {
        let (backend, kind) = (self.backend, root.kind());
        let start = backend.backend().start_from(root, self.accelerator);
        start.ok_or(MachineError::WrongRoot { backend, root: kind })
    }

    /// `qemu + kvm`, `sandbox`.
    pub fn label(&self) -> String {
        match self.accelerator {
            Some(accelerator) => format!("{} + {accelerator}", self.backend),
            None => self.backend.to_string(),
        }
    }
}

impl From<accelerator::ChosenAccelerator> for ChosenBackend {
    fn from(chosen: accelerator::ChosenAccelerator) -> Self {
        Self { backend: BackendKind::Qemu, accelerator: Some(chosen.accelerator), why: chosen.why }
    }
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
