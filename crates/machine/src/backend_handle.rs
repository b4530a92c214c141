//! A backend's part of a machine: its process or what stands for it, the ways to its agent, its first session.

use super::ProcessIdentity;
use super::error::MachineError;
use super::folder::{MachineFolder, MachineRecord};
use super::guard::set_clock;
use super::qemu::{Qemu, VsockRecord};
use super::running::NEWS;
use super::sandbox::Sandbox;
use super::spec::{MachineSpec, Start};
use super::vagrant::VagrantMachine;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_guest::{FailedTransport, Opening, RaceError, RaceResult, Session, SshWay, Transport, race};
use vmbuild_supervise::Deadline;

pub(super) fn died(folder: &MachineFolder, last_words: String) -> MachineError {
    MachineError::Died { name: folder.name().clone(), last_words, log: folder.console() }
}

/// How long its agent has to answer for the first time: an emulated machine boots slowly, and a distribution's own
/// start-up has much to do before it comes to the agent.
pub(super) fn patience(start: &Start) -> Duration {
    match start {
        Start::Sandbox { .. } => Duration::from_mins(1),
        // By then its SSH server has let Vagrant in; the agent may have to be sent.
        Start::Qemu { .. } | Start::Vagrant { .. } => Duration::from_mins(3),
        Start::FirstBoot { .. } => Duration::from_mins(15),
    }
}

/// A started backend.
#[derive(Debug)]
pub(super) enum BackendHandle {
    Sandbox(Box<Sandbox>),
    Qemu(Box<Qemu>),
    Vagrant(Box<VagrantMachine>),
}

impl BackendHandle {
    pub(super) async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, MachineError> {
        Ok(match spec.start {
            Start::Sandbox { .. } => Self::Sandbox(Box::new(Sandbox::start(spec, folder, events, cancel).await?)),
            Start::Vagrant { .. } => {
                Self::Vagrant(Box::new(VagrantMachine::start(spec, folder, events, cancel).await?))
            }
            Start::Qemu { .. } | Start::FirstBoot { .. } => {
                Self::Qemu(Box::new(Qemu::start(spec, folder, events, cancel).await?))
            }
        })
    }

    pub(super) fn process(&self) -> ProcessIdentity {
        match self {
            Self::Sandbox(sandbox) => sandbox.process(),
            Self::Vagrant(_) => ProcessIdentity::of_this(),
            Self::Qemu(qemu) => qemu.process(),
        }
    }

    pub(super) fn uuid(&self) -> Option<String> {
        match self {
            Self::Sandbox(_) | Self::Vagrant(_) => None,
            Self::Qemu(qemu) => Some(qemu.uuid()),
        }
    }

    pub(super) fn vsock(&self) -> Option<VsockRecord> {
        match self {
            Self::Sandbox(_) | Self::Vagrant(_) => None,
            Self::Qemu(qemu) => Some(qemu.vsock().clone()),
        }
    }

    pub(super) fn ssh(&self) -> Option<SshWay> {
        match self {
            Self::Sandbox(_) | Self::Qemu(_) => None,
            Self::Vagrant(machine) => Some(machine.ssh().clone()),
        }
    }

    /// The ways to its agent; and what is no way, with the reason.
    pub(super) fn ways(&self) -> (Vec<Transport>, Vec<FailedTransport>) {
        match self {
            Self::Sandbox(sandbox) => (vec![sandbox.transport()], Vec::new()),
            Self::Vagrant(machine) => (vec![machine.transport()], Vec::new()),
            Self::Qemu(qemu) => qemu.ways(),
        }
    }

    pub(super) async fn ended(&mut self) -> String {
        match self {
            Self::Sandbox(sandbox) => sandbox.ended().await,
            Self::Qemu(qemu) => qemu.ended().await,
            // No process to wait for. Its connection breaks, or falls silent.
            Self::Vagrant(_) => std::future::pending().await,
        }
    }

    pub(super) async fn stop(&mut self, deadline: Deadline) -> Result<(), MachineError> {
        match self {
            Self::Sandbox(sandbox) => sandbox.stop(deadline).await?,
            Self::Qemu(qemu) => qemu.stop(deadline).await?,
            Self::Vagrant(machine) => machine.stop().await?,
        }
        Ok(())
    }

    /// The session of a machine that has just started. Its record is there before, for others to end it by, and says
    /// afterwards how the agent was reached.
    pub(super) async fn open_first_session(
        &mut self,
        mut record: MachineRecord,
        folder: &MachineFolder,
        cancel: &CancellationToken,
    ) -> Result<(Session, MachineRecord), MachineError> {
        folder.write_record(&record)?;
        let way = (Opening::Fresh, patience(&record.spec.start));
        let (session, reached) = self.open_session(folder, way, cancel).await?;
        record.reached = Some(reached);
        folder.write_record(&record)?;
        Ok((session, record))
    }

    pub(super) async fn open_session(
        &mut self,
        folder: &MachineFolder,
        (opening, patience): (Opening, Duration),
        cancel: &CancellationToken,
    ) -> Result<(Session, RaceResult), MachineError> {
        let ((ways, no_ways), deadline) = (self.ways(), Deadline::after(patience));
        let lost = tokio::select! {
            raced = Box::pin(race(&ways, opening, deadline, cancel)) => match raced {
                Ok((session, mut reached)) => {
                    reached.losers.extend(no_ways);
                    if matches!(self, Self::Qemu(_)) {
                        set_clock(&session);
                    }
                    return Ok((session, reached));
                }
                Err(lost) => unreached(folder, lost, deadline),
            },
            last_words = self.ended() => return Err(died(folder, last_words)),
        };
        match tokio::time::timeout(NEWS, self.ended()).await {
            Ok(last_words) => Err(died(folder, last_words)),
            Err(_) => Err(lost),
        }
    }
}

fn unreached(folder: &MachineFolder, lost: RaceError, deadline: Deadline) -> MachineError {
    match lost {
        RaceError::Session(error) => error.into(),
        RaceError::Ssh(error) => error.into(),
        RaceError::Nobody(source) => {
            let (name, log) = (folder.name().clone(), folder.console());
            MachineError::NoAnswer { name, limit: deadline.limit(), log, source }
        }
    }
}
