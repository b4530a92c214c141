//! Which backend runs a machine, and why.

use crate::event::{Events, Kind, Part};
use crate::failure::{Diagnose, Exit, Failure};
use crate::machine::accelerator::{self, AcceleratorError, BootFiles, Freshness, HARDWARE, examine};
use crate::machine::qemu::QemuError;
use crate::machine::{Accelerator, Backend};
use crate::store::Store;
use tokio_util::sync::CancellationToken;

/// The backend somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum BackendChoice {
    /// The fastest that really works.
    #[default]
    Auto,
    /// QEMU system emulation.
    Qemu,
    /// Linux namespaces.
    Sandbox,
}

/// A choice and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenBackend {
    /// What runs the machine.
    pub backend: Backend,
    /// What executes its instructions, where QEMU runs it.
    pub accelerator: Option<Accelerator>,
    /// Why, for people.
    pub why: String,
}

/// Why no backend can run machines.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// An accelerator was asked for together with the backend that has none.
    #[error("the sandbox runs at the host's own speed and takes no accelerator, but {0} was asked for")]
    AcceleratorForSandbox(Accelerator),
    /// The sandbox was asked for and does not work.
    #[error("the sandbox does not work here: {0}")]
    NoSandbox(String),
    /// QEMU was asked for, or the only one left.
    #[error(transparent)]
    Accelerator(#[from] AcceleratorError),
    /// Neither works.
    #[error("no backend works here: {sandbox}; {qemu}")]
    Neither {
        /// Why not the sandbox.
        sandbox: String,
        /// Why not QEMU.
        qemu: QemuError,
    },
}

impl Diagnose for ChooseError {
    fn exit(&self) -> Exit {
        match self {
            Self::AcceleratorForSandbox(_) => Exit::Usage,
            Self::NoSandbox(_) | Self::Neither { .. } => Exit::Environment,
            Self::Accelerator(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::AcceleratorForSandbox(_) => vec!["an accelerator belongs to `--backend qemu`".to_owned()],
            Self::NoSandbox(_) => vec!["`vmbuild doctor` says what the sandbox needs".to_owned()],
            Self::Accelerator(error) => error.hints(),
            Self::Neither { qemu, .. } => qemu.hints(),
        }
    }
}

/// What the choice may have to find out. Both are asked only if it matters.
pub struct Ways<B, S> {
    /// Hands over something to boot, for a probe.
    pub boot: B,
    /// Says whether the sandbox works, or why not.
    pub sandbox: S,
}

/// Chooses a backend, and says so as an event.
///
/// `Auto` takes QEMU where a hypervisor really works, else the sandbox, which runs at the host's own speed, else
/// QEMU with translation. An accelerator that was asked for makes it QEMU.
pub async fn choose_backend<B, S>(
    (requested, accelerator): (BackendChoice, Option<Accelerator>),
    store: &Store,
    ways: Ways<B, S>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ChosenBackend, ChooseError>
where
    B: AsyncFnOnce() -> Result<BootFiles, Failure>,
    S: AsyncFnOnce() -> Result<(), String>,
{
    let chosen = match (requested, accelerator) {
        (BackendChoice::Sandbox, Some(accelerator)) => return Err(ChooseError::AcceleratorForSandbox(accelerator)),
        (BackendChoice::Sandbox, None) => sandbox(ways.sandbox).await?,
        (BackendChoice::Auto, None) => auto(store, ways, events, cancel).await?,
        (BackendChoice::Qemu, _) | (BackendChoice::Auto, Some(_)) => {
            accelerator::choose(accelerator, store, ways.boot, events, cancel).await?.into()
        }
    };
    events.emit(Kind::Chose { part: Part::Machine, what: chosen.words(), why: chosen.why.clone() });
    Ok(chosen)
}

async fn sandbox(works: impl AsyncFnOnce() -> Result<(), String>) -> Result<ChosenBackend, ChooseError> {
    works().await.map_err(ChooseError::NoSandbox)?;
    Ok(ChosenBackend { backend: Backend::Sandbox, accelerator: None, why: "asked for".to_owned() })
}

async fn auto<B, S>(
    store: &Store,
    ways: Ways<B, S>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ChosenBackend, ChooseError>
where
    B: AsyncFnOnce() -> Result<BootFiles, Failure>,
    S: AsyncFnOnce() -> Result<(), String>,
{
    let hardware = match examine(HARDWARE, Freshness::Cached, store, ways.boot, events, cancel).await {
        Ok(finding) if finding.works() => {
            return Ok(accelerator::Chosen { accelerator: HARDWARE, why: finding.to_string() }.into());
        }
        Ok(finding) => Ok(finding.to_string()),
        Err(AcceleratorError::Qemu(no_qemu)) if no_qemu.exit() != Exit::Interrupted => Err(no_qemu),
        Err(other) => return Err(other.into()),
    };
    match ((ways.sandbox)().await, hardware) {
        (Ok(()), hardware) => {
            let why = hardware.unwrap_or_else(|no_qemu| no_qemu.to_string());
            Ok(ChosenBackend { backend: Backend::Sandbox, accelerator: None, why })
        }
        (Err(no_sandbox), Ok(hardware)) => {
            crate::machine::qemu::QemuBinary::find(cancel).await.map_err(AcceleratorError::from)?;
            let why = format!("{hardware}; sandbox: {no_sandbox}");
            Ok(accelerator::Chosen { accelerator: Accelerator::Tcg, why }.into())
        }
        (Err(no_sandbox), Err(no_qemu)) => {
            Err(ChooseError::Neither { sandbox: format!("sandbox: {no_sandbox}"), qemu: no_qemu })
        }
    }
}

impl ChosenBackend {
    /// `qemu + kvm`, `sandbox`.
    pub fn words(&self) -> String {
        match self.accelerator {
            Some(accelerator) => format!("{} + {accelerator}", self.backend),
            None => self.backend.to_string(),
        }
    }
}

impl From<accelerator::Chosen> for ChosenBackend {
    fn from(chosen: accelerator::Chosen) -> Self {
        Self { backend: Backend::Qemu, accelerator: Some(chosen.accelerator), why: chosen.why }
    }
}
