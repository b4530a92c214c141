//! `exec`: runs a program in a named machine.

use crate::named::{attach, traced};
use rustix::process::Signal;
use std::time::Duration;
use vmbuild_core::context::Context;
use vmbuild_core::failure::{Failure, OutputError};
use vmbuild_guest::SessionError;
use vmbuild_machine::{MachineError, MachineName};
use vmbuild_protocol::{CommandLine, Exec, Exited, OutputStream};

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// The machine to run it in.
    pub name: MachineName,
    /// The program, its environment and its working directory.
    pub command: CommandLine,
    /// How long it may run; `None` is without limit.
    pub timeout: Option<Duration>,
}

/// The end of a program in a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Its exit code, or the signal that ended it.
    pub exited: Exited,
}

impl ExecOutcome {
    /// The exit code a shell would report: 128 plus the signal's number if a signal ended the program.
    pub fn code(self) -> u8 {
        match self.exited {
            Exited::Code(code) => u8::try_from(code).unwrap_or(u8::MAX),
            Exited::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// Runs the program to its end without standard input. Its output goes to `on_output` as it arrives; output that is
/// refused ends the program and is an error, unless its reader has gone away: then the program ended by SIGPIPE.
pub async fn exec(
    context: &Context,
    request: ExecRequest,
    on_output: impl FnMut(OutputStream, &[u8]) -> Result<(), OutputError>,
) -> Result<ExecOutcome, Failure> {
    let ExecRequest { name, command, timeout } = request;
    let timeout_ms = timeout.map(milliseconds);
    traced(context, &name, async {
        let machine = attach(context, &name).await?;
        let running = machine.session().exec(Exec { command, timeout_ms }, &context.cancel, on_output);
        ended(machine.ask(running).await)
    })
    .await
}

/// As the protocol counts time; a limit beyond its range is no limit in practice.
pub(crate) fn milliseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}

/// A program whose reader has gone away was ended by us; it reads as if SIGPIPE had ended it.
pub(crate) fn ended(ended: Result<Exited, MachineError>) -> Result<ExecOutcome, Failure> {
    let exited = match ended {
        Err(MachineError::Session(SessionError::Output(refused))) if refused.is_closed_pipe() => {
            Exited::Signal(Signal::PIPE.as_raw())
        }
        ended => ended?,
    };
    Ok(ExecOutcome { exited })
}

#[cfg(test)]
mod tests {
    use super::{ExecOutcome, ended};
    use std::io::ErrorKind;
    use vmbuild_core::failure::{Exit, OutputError};
    use vmbuild_guest::SessionError;
    use vmbuild_machine::MachineError;
    use vmbuild_protocol::{Exited, OutputStream};

    fn refused(kind: ErrorKind) -> Result<Exited, MachineError> {
        let refused = OutputError { stream: OutputStream::Stdout, source: kind.into() };
        Err(MachineError::Session(SessionError::Output(refused)))
    }

    #[test]
    fn a_closed_pipe_ends_the_program_and_a_full_disk_is_an_error() {
        assert_eq!(ended(refused(ErrorKind::BrokenPipe)).map(ExecOutcome::code).ok(), Some(141));
        assert_eq!(
            ended(refused(ErrorKind::StorageFull)).map_err(|failure| failure.exit()).err(),
            Some(Exit::Environment)
        );
        assert_eq!(ended(Ok(Exited::Code(7))).map(ExecOutcome::code).ok(), Some(7));
    }
}
