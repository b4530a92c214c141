//! Running programs of the guest.

use crate::ImageError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_guest::SessionError;
use vmbuild_machine::{Machine, MachineError};
use vmbuild_protocol::{CommandLine, Exec, Exited, FailureKind};

/// Growing a file system online takes a second or two, emulated ten.
const LIMIT: Duration = Duration::from_mins(5);

/// Runs a program of the guest. Returns whether it succeeded, and its output.
pub(super) async fn run(
    machine: &Machine,
    argv: &[&str],
    cancel: &CancellationToken,
) -> Result<(bool, String), ImageError> {
    let mut said = Vec::new();
    let exec = exec(argv, LIMIT);
    let ended = machine.ask(machine.session().exec(exec, cancel, |_, bytes| said.extend_from_slice(bytes))).await;
    let ended = match ended {
        // The program does not exist.
        Err(MachineError::Session(SessionError::Refused(failure))) if failure.kind == FailureKind::NotStarted => {
            return Ok((false, failure.message));
        }
        ended => ended?,
    };
    Ok((ended == Exited::Code(0), String::from_utf8_lossy(&said).into_owned()))
}

/// The request for a program of the guest, without a shell.
pub(super) fn exec(argv: &[&str], limit: Duration) -> Exec {
    let argv = argv.iter().map(ToString::to_string).collect();
    Exec {
        command: CommandLine { argv, cwd: "/".to_owned(), env: Vec::new() },
        timeout_ms: u64::try_from(limit.as_millis()).ok(),
    }
}
