//! Device, cache and probe together.

use super::cache::{self, ProbeKey};
use super::choose::AcceleratorError;
use super::device::HypervisorDevice;
use super::finding::AcceleratorFinding;
use super::probe::{ProbeOutcome, probe};
use crate::qemu::QemuBinary;
use crate::{Accelerator, RootDisk};
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::Failure;
use vmbuild_core::store::Store;
use vmbuild_supervise::Deadline;

/// Time a guest kernel has under a hypervisor. It takes about one second.
const HARDWARE: Duration = Duration::from_secs(5);

/// Time it has under translation. It takes two to four seconds, more on a busy host.
const TRANSLATED: Duration = Duration::from_mins(1);

/// Files that a probe boots: any kernel, with an initramfs whose `/init` is the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    /// Kernel image.
    pub kernel: PathBuf,
    /// Initramfs.
    pub initramfs: PathBuf,
}

impl From<&RootDisk> for BootFiles {
    fn from(root: &RootDisk) -> Self {
        Self { kernel: root.kernel.clone(), initramfs: root.initramfs.clone() }
    }
}

/// Use of earlier probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFreshness {
    /// Yes, if nothing it depends on has changed.
    Cached,
    /// No: find out now.
    Now,
}

/// Finds out whether `accelerator` works. `boot` is asked for something to boot only if that is needed: there is
/// a device, and no earlier probe says what comes of it.
pub async fn examine(
    accelerator: Accelerator,
    freshness: ProbeFreshness,
    store: &Store,
    boot: impl AsyncFnOnce() -> Result<BootFiles, Failure>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<AcceleratorFinding, AcceleratorError> {
    let device = HypervisorDevice::of(accelerator).await;
    if device != HypervisorDevice::Usable {
        return Ok(AcceleratorFinding::new(accelerator, device, None));
    }
    let qemu = QemuBinary::find(cancel).await?;
    let key = ProbeKey::of_host(accelerator, qemu.version);
    let recalled = match freshness {
        ProbeFreshness::Cached => cache::find_outcome(store, &key),
        ProbeFreshness::Now => None,
    };
    tracing::debug!(?freshness, ?recalled, "looked up an earlier probe of {accelerator}");
    if recalled.is_some() {
        return Ok(AcceleratorFinding::new(accelerator, device, recalled));
    }
    let boot = boot().await.map_err(|failure| AcceleratorError::Boot(failure.into()))?;
    let outcome = probe_now(accelerator, &boot, &qemu, events, cancel).await?;
    cache_outcome(store, key, &outcome, events);
    Ok(AcceleratorFinding::new(accelerator, device, Some(outcome)))
}

async fn probe_now(
    accelerator: Accelerator,
    boot: &BootFiles,
    qemu: &QemuBinary,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<ProbeOutcome, AcceleratorError> {
    let limit = if accelerator == Accelerator::Tcg { TRANSLATED } else { HARDWARE };
    let phase = events.phase(Part::Machine, "probe", format!("{accelerator}: booting a guest kernel"));
    let outcome = probe(accelerator, boot, qemu, Deadline::after(limit), cancel).await?;
    let finding = AcceleratorFinding::new(accelerator, HypervisorDevice::Usable, Some(outcome.clone()));
    phase.finish(finding.to_string());
    Ok(outcome)
}

/// A cache that cannot be written costs only time.
fn cache_outcome(store: &Store, key: ProbeKey, outcome: &ProbeOutcome, events: &Events) {
    if let Err(error) = cache::remember_outcome(store, key, outcome.clone()) {
        events.note(Part::Machine, format!("could not cache the outcome of the probe: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{BootFiles, ProbeFreshness, examine};
    use crate::Accelerator;
    use crate::accelerator::ProbeOutcome;
    use crate::qemu::tiny_guest::{self, GuestEnding, qemu_or_skip};
    use tokio_util::sync::CancellationToken;
    use vmbuild_core::event::{EventKind, Events};
    use vmbuild_core::store::Store;

    #[tokio::test(flavor = "current_thread")]
    async fn what_was_found_is_kept_until_it_is_asked_for_anew() {
        if qemu_or_skip().await.is_none() {
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let store = Store::at(&temp.path().join("store")).unwrap();
        let (events, mut heard) = Events::channel();
        let booted = std::cell::Cell::new(0);
        let look = async |freshness, message: &str| {
            let boot = async || {
                booted.set(booted.get() + 1);
                let (kernel, initramfs) = tiny_guest::write(temp.path(), message, GuestEnding::PowerOff);
                Ok(BootFiles { kernel, initramfs })
            };
            let cancel = CancellationToken::new();
            examine(Accelerator::Tcg, freshness, &store, boot, &events, &cancel).await.unwrap()
        };
        let first = look(ProbeFreshness::Cached, "vmbuild-agent: here\n").await;
        assert!(first.works(), "{first}");
        assert_eq!(look(ProbeFreshness::Cached, "").await, first, "recalled");
        assert_eq!(booted.get(), 1);
        let anew = look(ProbeFreshness::Now, "out of memory\n").await;
        assert!(!anew.works(), "{anew}");
        assert!(matches!(anew.outcome, Some(ProbeOutcome::Ended { .. })), "{anew}");
        assert_eq!(look(ProbeFreshness::Cached, "").await, anew, "the newer one is recalled");
        assert_eq!(booted.get(), 2);
        drop(events);
        let mut finished = 0;
        while let Some(event) = heard.recv().await {
            finished += i32::from(matches!(event.kind, EventKind::Finished { .. }));
        }
        assert_eq!(finished, 2, "only probes are phases");
    }
}
