//! Which backend runs a machine, and why.

use crate::accelerator::{self, AcceleratorError, BootFiles, Freshness, HARDWARE, examine};
use crate::qemu::{QemuBinary, QemuError};
use crate::vagrant::{self, VagrantError};
use crate::{Accelerator, Backend};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{EventKind, Events, Part};
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::Store;

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
    /// Vagrant, with whatever runs machines for it.
    Vagrant,
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
    /// An accelerator was asked for together with the backend that chooses by itself.
    #[error("Vagrant's provider decides what executes instructions, but {0} was asked for")]
    AcceleratorForVagrant(Accelerator),
    /// Vagrant was asked for and does not work.
    #[error(transparent)]
    Vagrant(#[from] VagrantError),
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
            Self::AcceleratorForSandbox(_) | Self::AcceleratorForVagrant(_) => Exit::Usage,
            Self::NoSandbox(_) | Self::Neither { .. } => Exit::Environment,
            Self::Accelerator(error) => error.exit(),
            Self::Vagrant(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Vagrant(error) => error.hints(),
            Self::AcceleratorForVagrant(_) => {
                vec!["for libvirt, VMBUILD_DRIVER says it: `kvm` or `qemu`".to_owned()]
            }
            Self::AcceleratorForSandbox(_) => vec!["an accelerator belongs to `--backend qemu`".to_owned()],
            Self::NoSandbox(_) => vec!["`vmbuild doctor` says what the sandbox needs".to_owned()],
            Self::Accelerator(error) => error.hints(),
            Self::Neither { qemu, .. } => qemu.hints(),
        }
    }
}

/// What the choice may have to find out. Both are asked only if it matters.
pub struct BackendProbes<B, S> {
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
    ways: BackendProbes<B, S>,
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
        (BackendChoice::Vagrant, Some(accelerator)) => return Err(ChooseError::AcceleratorForVagrant(accelerator)),
        (BackendChoice::Vagrant, None) => {
            vagrant::works_here(cancel).await?;
            ChosenBackend { backend: Backend::Vagrant, accelerator: None, why: "asked for".to_owned() }
        }
        (BackendChoice::Auto, None) => auto(store, ways, events, cancel).await?,
        (BackendChoice::Qemu, _) | (BackendChoice::Auto, Some(_)) => {
            accelerator::choose(accelerator, store, ways.boot, events, cancel).await?.into()
        }
    };
    events.emit(EventKind::Chose { part: Part::Machine, what: chosen.words(), why: chosen.why.clone() });
    Ok(chosen)
}

async fn sandbox(works: impl AsyncFnOnce() -> Result<(), String>) -> Result<ChosenBackend, ChooseError> {
    works().await.map_err(ChooseError::NoSandbox)?;
    Ok(ChosenBackend { backend: Backend::Sandbox, accelerator: None, why: "asked for".to_owned() })
}

async fn auto<B, S>(
    store: &Store,
    ways: BackendProbes<B, S>,
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
        Err(stop) if stop.exit() == Exit::Interrupted => return Err(stop.into()),
        Err(AcceleratorError::Qemu(no_qemu)) => Err(no_qemu),
        // What cannot be booted cannot be believed, and the sandbox needs no kernel.
        Err(not_tried) => Ok(format!("{HARDWARE}: {}", chain(&not_tried))),
    };
    match ((ways.sandbox)().await, hardware) {
        (Ok(()), hardware) => {
            let why = hardware.unwrap_or_else(|no_qemu| no_qemu.to_string());
            Ok(ChosenBackend { backend: Backend::Sandbox, accelerator: None, why })
        }
        (Err(no_sandbox), Err(no_qemu)) => or_vagrant(translated(Err(no_qemu), &no_sandbox), cancel).await,
        (Err(no_sandbox), Ok(no_hardware)) => {
            let qemu = QemuBinary::find(cancel).await.map(|_| no_hardware);
            or_vagrant(translated(qemu, &no_sandbox), cancel).await
        }
    }
}

/// Where nothing of ours works, Vagrant if it is there: its machines are others' boxes.
async fn or_vagrant(
    ours: Result<ChosenBackend, ChooseError>,
    cancel: &CancellationToken,
) -> Result<ChosenBackend, ChooseError> {
    match ours {
        Err(ChooseError::Neither { sandbox, qemu }) if vagrant::works_here(cancel).await.is_ok() => {
            let why = format!("{sandbox}; {qemu}");
            Ok(ChosenBackend { backend: Backend::Vagrant, accelerator: None, why })
        }
        ours => ours,
    }
}

/// The last resort: QEMU, if it is there, with neither a hypervisor nor the sandbox, for these reasons.
fn translated(qemu: Result<String, QemuError>, no_sandbox: &str) -> Result<ChosenBackend, ChooseError> {
    let no_sandbox = format!("sandbox: {no_sandbox}");
    match qemu {
        Ok(no_hardware) => {
            let why = format!("{no_hardware}; {no_sandbox}");
            Ok(accelerator::Chosen { accelerator: Accelerator::Tcg, why }.into())
        }
        Err(qemu) => Err(ChooseError::Neither { sandbox: no_sandbox, qemu }),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
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

#[cfg(test)]
mod tests {
    use super::{BackendChoice, BackendProbes, ChooseError, ChosenBackend, choose_backend, translated};
    use crate::accelerator::BootFiles;
    use crate::qemu::QemuError;
    use crate::qemu::tiny_guest::{self, Then, qemu_or_skip};
    use crate::{Accelerator, Backend};
    use tokio_util::sync::CancellationToken;
    use vmbuild_core::event::{EventKind, Events};
    use vmbuild_core::failure::{Diagnose, Exit, Failure};
    use vmbuild_core::store::{Store, StoreError};

    type Request = (BackendChoice, Option<Accelerator>);

    /// Chooses with a guest that would reach user space, and says what reporters hear of it.
    async fn choose(
        request: Request,
        sandbox: Result<(), &str>,
    ) -> (Result<ChosenBackend, ChooseError>, Vec<EventKind>) {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::at(&temp.path().join("store")).unwrap();
        let boot = async || {
            let (kernel, initramfs) = tiny_guest::write(temp.path(), "vmbuild-agent: here\n", Then::Hang);
            Ok(BootFiles { kernel, initramfs })
        };
        let sandbox = async || sandbox.map_err(str::to_owned);
        let (events, mut heard) = Events::channel();
        let ways = BackendProbes { boot, sandbox };
        let chosen = choose_backend(request, &store, ways, &events, &CancellationToken::new()).await;
        drop(events);
        let mut kinds = Vec::new();
        while let Some(event) = heard.recv().await {
            kinds.push(event.kind);
        }
        (chosen, kinds)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_asked_for_is_taken_and_said() {
        let (chosen, heard) = choose((BackendChoice::Sandbox, None), Ok(())).await;
        assert_eq!(chosen.unwrap().words(), "sandbox");
        assert!(matches!(&heard[..], [EventKind::Chose { what, why, .. }] if what == "sandbox" && why == "asked for"));
        if qemu_or_skip().await.is_none() {
            return;
        }
        for choice in [BackendChoice::Qemu, BackendChoice::Auto] {
            let (chosen, heard) = choose((choice, Some(Accelerator::Tcg)), Err("unasked")).await;
            assert_eq!(chosen.unwrap().words(), "qemu + tcg");
            assert!(matches!(&heard[..], [EventKind::Chose { what, .. }] if what == "qemu + tcg"));
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_cannot_be_is_refused() {
        let (refused, heard) = choose((BackendChoice::Sandbox, Some(Accelerator::Tcg)), Ok(())).await;
        assert_eq!(refused.unwrap_err().exit(), Exit::Usage);
        assert_eq!(heard, []);
        let (refused, _) = choose((BackendChoice::Sandbox, None), Err("no user namespaces")).await;
        assert_eq!(refused.unwrap_err().to_string(), "the sandbox does not work here: no user namespaces");
        let (foreign, sentence) = if cfg!(target_os = "macos") {
            (Accelerator::Kvm, "kvm: only Linux has it")
        } else {
            (Accelerator::Hvf, "hvf: only macOS has it")
        };
        let (refused, _) = choose((BackendChoice::Auto, Some(foreign)), Ok(())).await;
        assert_eq!(refused.unwrap_err().to_string(), sentence);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn auto_takes_a_hypervisor_that_works_or_the_sandbox_or_translation() {
        if qemu_or_skip().await.is_none() {
            return;
        }
        let (with_sandbox, _) = choose((BackendChoice::Auto, None), Ok(())).await;
        let with_sandbox = with_sandbox.unwrap();
        let (without, _) = choose((BackendChoice::Auto, None), Err("no user namespaces")).await;
        let without = without.unwrap();
        eprintln!("here: {with_sandbox:?}");
        match with_sandbox.backend {
            Backend::Qemu => {
                assert_ne!(with_sandbox.accelerator, Some(Accelerator::Tcg));
                assert!(with_sandbox.why.contains("reached user space"), "{}", with_sandbox.why);
                assert_eq!(without.accelerator, with_sandbox.accelerator);
            }
            Backend::Vagrant => panic!("the sandbox works"),
            Backend::Sandbox => {
                assert!(!with_sandbox.why.contains("reached user space in"), "{}", with_sandbox.why);
                assert_eq!(without.accelerator, Some(Accelerator::Tcg));
                assert!(without.why.ends_with("; sandbox: no user namespaces"), "{}", without.why);
            }
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_to_boot_leaves_the_sandbox() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::at(&temp.path().join("store")).unwrap();
        let (events, _heard) = Events::channel();
        let ways = BackendProbes { boot: async || Err(Failure::from(StoreError::NoHome)), sandbox: async || Ok(()) };
        let request = (BackendChoice::Auto, None);
        let chosen = choose_backend(request, &store, ways, &events, &CancellationToken::new()).await.unwrap();
        assert_eq!((chosen.backend, chosen.accelerator), (Backend::Sandbox, None));
        assert!(!chosen.why.is_empty());
    }

    #[test]
    fn the_last_resort_tells_all_reasons() {
        let chosen = translated(Ok("kvm: no /dev/kvm".to_owned()), "no user namespaces").unwrap();
        assert_eq!(chosen.words(), "qemu + tcg");
        assert_eq!(chosen.why, "kvm: no /dev/kvm; sandbox: no user namespaces");
        let neither = translated(Err(QemuError::Missing { program: "qemu" }), "no user namespaces").unwrap_err();
        let expect = "no backend works here: sandbox: no user namespaces; no `qemu` on PATH";
        assert_eq!(neither.to_string(), expect);
        assert!(!neither.hints().is_empty());
    }
}
