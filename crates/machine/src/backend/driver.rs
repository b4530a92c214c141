//! The trait that each backend implements, and the one for a machine that it has started.

use super::features::{Features, RootKind};
use super::registry::BackendRecord;
use crate::{Accelerator, BackendKind, MachineError, MachineFolder, MachineRecord, MachineSpec, StartSource};
use crate::{RootDisk, RootTree, VagrantBox};
use futures_util::future::LocalBoxFuture;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_guest::{FailedTransport, Transport};
use vmbuild_supervise::Deadline;

/// Arguments of [`Backend::start`].
#[derive(Debug, Clone, Copy)]
pub struct StartRequest<'a> {
    /// The machine, as data.
    pub spec: &'a MachineSpec,
    /// Its folder. The caller holds the owner's lock.
    pub folder: &'a MachineFolder,
    /// Receives progress and warnings.
    pub events: &'a Events,
    /// Interrupts the start.
    pub cancel: &'a CancellationToken,
}

/// Transports to the agent of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transports {
    /// Transports to race against each other.
    pub usable: Vec<Transport>,
    /// Transports that this machine lacks, with the reason.
    pub failed: Vec<FailedTransport>,
}

/// Expected duration of a machine's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootTiming {
    /// Key under which the durations of similar starts are remembered.
    pub key: String,
    /// Shortest wait that counts as a stall, however fast earlier starts were.
    pub least_stall: Duration,
    /// Time the agent has to answer for the first time.
    pub patience: Duration,
}

/// Root file system of a machine, before a backend makes a [`StartSource`] of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineRoot {
    /// A directory tree.
    Tree(RootTree),
    /// A disk with kernel and initramfs.
    Disk(RootDisk),
    /// A Vagrant box.
    Box(VagrantBox),
}

impl MachineRoot {
    /// The kind of root file system.
    pub fn kind(&self) -> RootKind {
        match self {
            Self::Tree(_) => RootKind::Tree,
            Self::Disk(_) => RootKind::Disk,
            Self::Box(_) => RootKind::Box,
        }
    }
}

/// Reason why a backend cannot run machines on this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BackendUnavailable {
    /// The reason, as a fragment.
    pub reason: String,
    /// Suggested fixes.
    pub hints: Vec<String>,
    /// Exit code of a command that needs the backend.
    pub exit: Exit,
}

impl BackendUnavailable {
    /// A property of this host, with suggested fixes.
    pub fn new(reason: impl Into<String>, hints: Vec<String>) -> Self {
        Self { reason: reason.into(), hints, exit: Exit::Environment }
    }
}

impl<E: Diagnose> From<&E> for BackendUnavailable {
    fn from(error: &E) -> Self {
        Self { reason: error.to_string(), hints: error.hints(), exit: error.exit() }
    }
}

/// A way to run machines.
pub trait Backend: Debug + Sync {
    /// The name it has on the command line and in records.
    fn kind(&self) -> BackendKind;

    /// One line for `--help`.
    fn about(&self) -> &'static str;

    /// Its abilities and needs.
    fn features(&self) -> Features;

    /// Expected duration of a start.
    fn boot_timing(&self, spec: &MachineSpec) -> BootTiming;

    /// A machine's start from `root`; `None` if this backend does not start from such a root.
    fn start_from(&self, root: MachineRoot, accelerator: Option<Accelerator>) -> Option<StartSource>;

    /// Files and folders of the image that a machine keeps using.
    fn base_files<'a>(&self, start: &'a StartSource) -> Vec<&'a Path>;

    /// Checks that the backend works on this host.
    fn works_here<'a>(&'a self, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<(), BackendUnavailable>>;

    /// Starts a machine. Returns as soon as its process runs; the guest may still boot.
    fn start<'a>(
        &'a self,
        request: StartRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<Box<dyn BackendMachine>, MachineError>>;

    /// Attaches to a machine that an earlier vmbuild started.
    fn attach(&self, folder: &MachineFolder, record: &MachineRecord) -> Result<Box<dyn BackendMachine>, MachineError>;

    /// Ends a machine whose vmbuild is gone. A machine that does not run is no error.
    fn end_leftover<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
        deadline: Deadline,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>>;

    /// Removes everything the backend keeps outside the machine's folder. It is also called for machines of other
    /// backends, and for machines without a record: then it does nothing.
    fn remove_leftovers<'a>(&'a self, folder: &'a MachineFolder) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        let _ = folder;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Returns true if a folder belongs to this backend, even without a record.
    fn claims(&self, folder: &MachineFolder) -> bool {
        let _ = folder;
        false
    }

    /// Returns true if the machine runs, as far as its folder tells.
    fn is_running(&self, folder: &MachineFolder) -> io::Result<bool> {
        folder.is_alive()
    }

    /// Like `is_running`, but asks the hypervisor if the folder may be out of date, and updates the folder.
    fn confirm_running<'a>(
        &'a self,
        folder: &'a MachineFolder,
        cancel: &'a CancellationToken,
    ) -> LocalBoxFuture<'a, Result<bool, MachineError>> {
        let _ = cancel;
        Box::pin(std::future::ready(self.is_running(folder).map_err(MachineError::from)))
    }

    /// Makes the disk of a running machine `bytes` long. Asked only of backends with [`Features::grow_disk`].
    fn grow_disk<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
        bytes: u64,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        let _ = (folder, record, bytes);
        let source = BackendUnavailable::new("it grows no disk", Vec::new());
        Box::pin(std::future::ready(Err(MachineError::Unavailable { backend: self.kind(), source })))
    }

    /// Returns true if the machine is paused because its disk could not be written. Asked only of backends with
    /// [`Features::pausable`].
    fn is_paused<'a>(&'a self, folder: &'a MachineFolder, record: &'a MachineRecord) -> LocalBoxFuture<'a, bool> {
        let _ = (folder, record);
        Box::pin(std::future::ready(false))
    }

    /// Resumes a paused machine. Asked only of backends with [`Features::pausable`].
    fn resume<'a>(
        &'a self,
        folder: &'a MachineFolder,
        record: &'a MachineRecord,
    ) -> LocalBoxFuture<'a, Result<(), MachineError>> {
        let _ = (folder, record);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A started machine, from its backend's side.
pub trait BackendMachine: Debug + Send {
    /// The backend's part of the machine record.
    fn record(&self) -> BackendRecord;

    /// Transports to its agent.
    fn transports(&self) -> Transports;

    /// Resolves when the machine exits by itself, with a report for people. Cancel-safe.
    fn exited(&mut self) -> LocalBoxFuture<'_, String>;

    /// Stops the machine, after the caller asked its agent to power off.
    fn stop(&mut self, deadline: Deadline) -> LocalBoxFuture<'_, Result<(), MachineError>>;
}
