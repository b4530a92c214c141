//! The backend of a running machine.

use super::error::MachineError;
use super::folder::{MachineFolder, MachineRecord, ProcessIdentity};
use super::qemu::Qemu;
use super::sandbox::Sandbox;
use super::spec::{MachineSpec, Start};
use crate::event::Events;
use crate::guest::{Session, Transport, connect};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// How long a lost session may be ahead of the news that the machine has died.
pub(super) const NEWS: Duration = Duration::from_secs(1);

/// A started backend: what both kinds of machines have in common.
#[derive(Debug)]
pub(super) enum Started {
    Sandbox(Sandbox),
    Qemu(Qemu),
}

impl Started {
    /// Starts a machine.
    pub(super) async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, MachineError> {
        Ok(match spec.start {
            Start::Sandbox { .. } => Self::Sandbox(Sandbox::start(spec, folder, events, cancel).await?),
            Start::Qemu { .. } => Self::Qemu(Qemu::start(spec, folder, events, cancel).await?),
        })
    }

    /// Takes hold of a machine that an earlier vmbuild started.
    pub(super) async fn attach(folder: &MachineFolder, record: &MachineRecord) -> Result<Self, MachineError> {
        Ok(match record.spec.start {
            Start::Sandbox { .. } => Self::Sandbox(Sandbox::attach(folder, record)?),
            Start::Qemu { .. } => Self::Qemu(Qemu::attach(folder, record).await?),
        })
    }

    /// Its process, for its record.
    pub(super) fn process(&self) -> ProcessIdentity {
        match self {
            Self::Sandbox(sandbox) => sandbox.process(),
            Self::Qemu(qemu) => qemu.process(),
        }
    }

    /// QEMU's uuid for it, for its record.
    pub(super) fn uuid(&self) -> Option<String> {
        match self {
            Self::Sandbox(_) => None,
            Self::Qemu(qemu) => Some(qemu.uuid()),
        }
    }

    fn transport(&self) -> Transport {
        match self {
            Self::Sandbox(sandbox) => sandbox.transport(),
            Self::Qemu(qemu) => qemu.transport(),
        }
    }

    /// How long its agent has to answer for the first time: an emulated machine boots slowly.
    fn patience(&self) -> Duration {
        match self {
            Self::Sandbox(_) => Duration::from_mins(1),
            Self::Qemu(_) => Duration::from_mins(3),
        }
    }

    /// Resolves when it ends by itself, with its last words. May be asked again.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Self::Sandbox(sandbox) => sandbox.ended().await,
            Self::Qemu(qemu) => qemu.ended().await,
        }
    }

    /// Ends it.
    pub(super) async fn stop(&mut self, deadline: Deadline) -> Result<(), MachineError> {
        match self {
            Self::Sandbox(sandbox) => sandbox.stop(deadline).await?,
            Self::Qemu(qemu) => qemu.stop(deadline).await?,
        }
        Ok(())
    }

    /// Reaches its agent, unless it dies first.
    pub(super) async fn open_session(
        &mut self,
        folder: &MachineFolder,
        cancel: &CancellationToken,
    ) -> Result<Session, MachineError> {
        let (transport, deadline) = (self.transport(), Deadline::after(self.patience()));
        let error = tokio::select! {
            opened = reach(folder, &transport, deadline, cancel) => match opened {
                Ok(session) => return Ok(session),
                Err(error) => error,
            },
            last_words = self.ended() => return Err(died(folder, last_words)),
        };
        match tokio::time::timeout(NEWS, self.ended()).await {
            Ok(last_words) => Err(died(folder, last_words)),
            Err(_) => Err(error),
        }
    }
}

/// Connects, again and again until there is somebody to connect to, and says hello.
async fn reach(
    folder: &MachineFolder,
    transport: &Transport,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<Session, MachineError> {
    loop {
        let source = match connect(transport).await {
            Ok(pipe) => return Ok(Session::open(pipe, deadline, cancel).await?),
            Err(error) => error,
        };
        if deadline.passed() {
            let (name, log) = (folder.name().clone(), folder.console());
            return Err(MachineError::NoAnswer { name, limit: deadline.limit(), log, source });
        }
        tokio::select! {
            () = cancel.cancelled() => return Err(MachineError::Cancelled),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

/// The error of a machine that ended by itself.
pub(super) fn died(folder: &MachineFolder, last_words: String) -> MachineError {
    MachineError::Died { name: folder.name().clone(), last_words, log: folder.console() }
}
