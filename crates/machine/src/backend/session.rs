//! Opening a session with the agent of a machine that a backend has started.

use super::driver::BackendMachine;
use crate::guard::set_clock;
use crate::{MachineError, MachineFolder};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_guest::{RaceError, RaceResult, Session, SessionOpening, race};
use vmbuild_supervise::Deadline;

/// How long the loss of a session may be noticed before the machine's exit is.
pub(crate) const EXIT_NOTICE: Duration = Duration::from_secs(1);

/// Parameters of [`open_session`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionRequest {
    /// First session with the agent, or a later one.
    pub(crate) opening: SessionOpening,
    /// Time the agent has to answer.
    pub(crate) patience: Duration,
    /// The guest's clock is to be set.
    pub(crate) set_clock: bool,
}

pub(crate) fn died(folder: &MachineFolder, exit_report: String) -> MachineError {
    MachineError::Died { name: folder.name().clone(), exit_report, log: folder.console() }
}

/// Races the machine's transports, unless the machine exits first.
pub(crate) async fn open_session(
    machine: &mut dyn BackendMachine,
    folder: &MachineFolder,
    request: SessionRequest,
    cancel: &CancellationToken,
) -> Result<(Session, RaceResult), MachineError> {
    let (transports, deadline) = (machine.transports(), Deadline::after(request.patience));
    let lost = tokio::select! {
        raced = Box::pin(race(&transports.usable, request.opening, deadline, cancel)) => match raced {
            Ok((session, mut reached)) => {
                reached.losers.extend(transports.failed);
                if request.set_clock {
                    set_clock(&session);
                }
                return Ok((session, reached));
            }
            Err(lost) => unreached(folder, lost, deadline),
        },
        exit_report = machine.exited() => return Err(died(folder, exit_report)),
    };
    match tokio::time::timeout(EXIT_NOTICE, machine.exited()).await {
        Ok(exit_report) => Err(died(folder, exit_report)),
        Err(_) => Err(lost),
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
