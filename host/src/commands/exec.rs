//! `vmbuild exec -- CMD` and `vmbuild ssh`: a program in a named machine, with its output and its exit code.

use super::context::CommandContext;
use super::program::CommandExit;
use super::terminal::{Talk, talk};
use crate::cli::{ExecArgs, SshArgs};
use crate::report;
use rustix::process::Signal;
use std::io::IsTerminal;
use vmbuild_core::failure::Failure;
use vmbuild_guest::SessionError;
use vmbuild_machine::{Machine, MachineError};
use vmbuild_protocol::{CommandLine, Exited};

/// Runs the program and ends as it ended; 128 plus the signal's number if one ended it.
pub(crate) async fn exec(context: &CommandContext, args: ExecArgs) -> Result<CommandExit, Failure> {
    let machine = Machine::attach(&context.store, &args.target.name(), &context.cancel).await?.telling(&context.events);
    let command = CommandLine { argv: args.argv, env: args.env, cwd: args.cwd };
    let timeout_ms = args.timeout.map(|seconds| seconds.saturating_mul(1000));
    let exited = if args.interactive || args.tty {
        talk(context, &machine, Talk { command, timeout_ms, terminal: args.tty }).await?
    } else {
        let request = vmbuild_protocol::Exec { command, timeout_ms };
        unless_closed(machine.ask(machine.session().exec(request, &context.cancel, report::program_output)).await)?
    };
    Ok(ending(exited))
}

/// Opens a login shell, or runs a program, on a terminal where there is one.
pub(crate) async fn ssh(context: &CommandContext, args: SshArgs) -> Result<CommandExit, Failure> {
    let machine = Machine::attach(&context.store, &args.target.name(), &context.cancel).await?.telling(&context.events);
    let command = CommandLine { argv: args.argv, env: Vec::new(), cwd: "/root".to_owned() };
    let terminal = std::io::stdin().is_terminal();
    Ok(ending(talk(context, &machine, Talk { command, timeout_ms: None, terminal }).await?))
}

/// A program whose reader went away has been ended, as the signal that is for this would have ended it.
pub(super) fn unless_closed(ended: Result<Exited, MachineError>) -> Result<Exited, MachineError> {
    match ended {
        Err(MachineError::Session(SessionError::Output(refused))) if refused.is_closed_pipe() => {
            Ok(Exited::Signal(Signal::PIPE.as_raw()))
        }
        ended => ended,
    }
}

fn ending(exited: Exited) -> CommandExit {
    CommandExit::Guest(match exited {
        Exited::Code(code) => u8::try_from(code).unwrap_or(u8::MAX),
        Exited::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
    })
}
