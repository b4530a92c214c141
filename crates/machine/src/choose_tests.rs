use super::{BackendChoice, BackendRequest, ChooseError, ChosenBackend, choose_with, translated};
use crate::accelerator::BootFiles;
use crate::backend::{AutoRank, BACKENDS, Backend, BackendUnavailable};
use crate::qemu::QemuError;
use crate::qemu::tiny_guest::{self, GuestEnding, qemu_or_skip};
use crate::{Accelerator, BackendKind};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{EventKind, Events};
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::{Store, StoreError};

const SANDBOX: BackendChoice = BackendChoice::Only(BackendKind::Sandbox);
const QEMU: BackendChoice = BackendChoice::Only(BackendKind::Qemu);

fn request(backend: BackendChoice, accelerator: Option<Accelerator>) -> BackendRequest {
    BackendRequest { backend, accelerator }
}

fn no_namespaces() -> Result<(), BackendUnavailable> {
    Err(BackendUnavailable::new("no user namespaces", Vec::new()))
}

/// Chooses with a guest that would reach user space, and returns the events, too.
async fn choose(
    request: BackendRequest,
    sandbox: Result<(), BackendUnavailable>,
) -> (Result<ChosenBackend, ChooseError>, Vec<EventKind>) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::at(&temp.path().join("store")).unwrap();
    let boot = async || {
        let (kernel, initramfs) = tiny_guest::write(temp.path(), "vmbuild-agent: here\n", GuestEnding::Hang);
        Ok(BootFiles { kernel, initramfs })
    };
    let probe = async |backend: &'static dyn Backend| match backend.kind() {
        BackendKind::Sandbox => sandbox.clone(),
        other => Err(BackendUnavailable::new(format!("{other} is not tested here"), Vec::new())),
    };
    let (events, mut heard) = Events::channel();
    let chosen = choose_with(request, probe, &store, boot, &events, &CancellationToken::new()).await;
    drop(events);
    let mut kinds = Vec::new();
    while let Some(event) = heard.recv().await {
        kinds.push(event.kind);
    }
    (chosen, kinds)
}

#[tokio::test(flavor = "current_thread")]
async fn the_requested_backend_is_taken_and_reported() {
    let (chosen, heard) = choose(request(SANDBOX, None), Ok(())).await;
    assert_eq!(chosen.unwrap().label(), "sandbox");
    assert!(matches!(&heard[..], [EventKind::Chose { what, why, .. }] if what == "sandbox" && why == "asked for"));
    if qemu_or_skip().await.is_none() {
        return;
    }
    for choice in [QEMU, BackendChoice::Auto] {
        let (chosen, heard) = choose(request(choice, Some(Accelerator::Tcg)), no_namespaces()).await;
        assert_eq!(chosen.unwrap().label(), "qemu + tcg");
        assert!(matches!(&heard[..], [EventKind::Chose { what, .. }] if what == "qemu + tcg"));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn impossible_requests_are_refused() {
    for backend in BACKENDS.iter().filter(|backend| backend.kind() != BackendKind::Qemu) {
        let choice = BackendChoice::Only(backend.kind());
        let (refused, heard) = choose(request(choice, Some(Accelerator::Tcg)), Ok(())).await;
        let refused = refused.unwrap_err();
        assert_eq!((refused.exit(), refused.hints().len()), (Exit::Usage, 1));
        assert_eq!(heard, []);
    }
    let (refused, _) = choose(request(SANDBOX, None), no_namespaces()).await;
    let expect = "backend `sandbox` does not work on this host: no user namespaces";
    assert_eq!(refused.unwrap_err().to_string(), expect);
    let (foreign, sentence) = if cfg!(target_os = "macos") {
        (Accelerator::Kvm, "kvm: only Linux has it")
    } else {
        (Accelerator::Hvf, "hvf: only macOS has it")
    };
    let (refused, _) = choose(request(BackendChoice::Auto, Some(foreign)), Ok(())).await;
    assert_eq!(refused.unwrap_err().to_string(), sentence);
}

#[tokio::test(flavor = "current_thread")]
async fn auto_takes_a_hypervisor_that_works_or_the_sandbox_or_translation() {
    if qemu_or_skip().await.is_none() {
        return;
    }
    let (with_sandbox, _) = choose(BackendRequest::default(), Ok(())).await;
    let with_sandbox = with_sandbox.unwrap();
    let (without, _) = choose(BackendRequest::default(), no_namespaces()).await;
    let without = without.unwrap();
    eprintln!("here: {with_sandbox:?}");
    if with_sandbox.backend == BackendKind::Qemu {
        assert_ne!(with_sandbox.accelerator, Some(Accelerator::Tcg));
        assert!(with_sandbox.why.contains("reached user space"), "{}", with_sandbox.why);
        assert_eq!(without.accelerator, with_sandbox.accelerator);
    } else {
        assert_eq!(with_sandbox.backend, BackendKind::Sandbox);
        assert!(!with_sandbox.why.contains("reached user space in"), "{}", with_sandbox.why);
        assert_eq!(without.accelerator, Some(Accelerator::Tcg));
        assert!(without.why.ends_with("; sandbox: no user namespaces"), "{}", without.why);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn without_anything_to_boot_the_sandbox_is_taken() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::at(&temp.path().join("store")).unwrap();
    let (events, _heard) = Events::channel();
    let boot = async || Err(Failure::from(StoreError::NoHome));
    let probe = async |_: &'static dyn Backend| Ok(());
    let (request, cancel) = (BackendRequest::default(), CancellationToken::new());
    let chosen = choose_with(request, probe, &store, boot, &events, &cancel).await.unwrap();
    assert_eq!((chosen.backend, chosen.accelerator), (BackendKind::Sandbox, None));
    assert!(!chosen.why.is_empty());
}

#[test]
fn translation_is_chosen_with_all_reasons() {
    let chosen = translated(Ok("kvm: no /dev/kvm".to_owned()), "sandbox: no user namespaces").unwrap();
    assert_eq!(chosen.label(), "qemu + tcg");
    assert_eq!(chosen.why, "kvm: no /dev/kvm; sandbox: no user namespaces");
    let none = translated(Err(QemuError::Missing { program: "qemu" }), "sandbox: no user namespaces").unwrap_err();
    let expect = "no backend works on this host: sandbox: no user namespaces; no `qemu` on PATH";
    assert_eq!(none.to_string(), expect);
    assert!(!none.hints().is_empty());
}

#[test]
fn every_value_is_parsed_and_trials_are_not_listed() {
    for choice in BackendChoice::all() {
        assert_eq!(choice.as_str().parse(), Ok(choice));
        let BackendChoice::Only(kind) = choice else { continue };
        assert_eq!(choice.is_hidden(), kind.backend().features().auto == AutoRank::Trial);
    }
    let listed: Vec<_> = BackendChoice::all().into_iter().filter(|choice| !choice.is_hidden()).collect();
    assert_eq!(listed.iter().map(|choice| choice.as_str()).collect::<Vec<_>>(), ["auto", "qemu", "sandbox", "vagrant"]);
    let refused = "docker".parse::<BackendChoice>().unwrap_err().to_string();
    assert!(refused.starts_with("unknown backend `docker` (expected auto, qemu, sandbox, vagrant"), "{refused}");
}
