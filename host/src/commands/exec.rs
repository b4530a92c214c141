//! `vmbuild exec` and `vmbuild ssh`: exit with the guest program's own code.

use super::context::CommandContext;
use super::program::CommandExit;
use super::terminal::{StdinMode, interactive};
use crate::cli::{ExecArgs, SshArgs};
use crate::report;
use std::io::IsTerminal;
use std::time::Duration;
use vmbuild_core::failure::Failure;
use vmbuild_operations::{ExecOutcome, ExecRequest, InteractiveRequest};
use vmbuild_protocol::CommandLine;

/// Runs a program, with standard input if asked to.
pub(crate) async fn exec(context: &CommandContext, args: ExecArgs) -> Result<CommandExit, Failure> {
    let name = args.target.name();
    let command = CommandLine { argv: args.argv, env: args.env, cwd: args.cwd };
    let timeout = args.timeout.map(Duration::from_secs);
    let outcome = match (args.tty, args.interactive) {
        (true, _) => interactive(context, InteractiveRequest { name, command, timeout }, StdinMode::Terminal).await?,
        (false, true) => interactive(context, InteractiveRequest { name, command, timeout }, StdinMode::Piped).await?,
        (false, false) => {
            let request = ExecRequest { name, command, timeout };
            vmbuild_operations::exec(context, request, report::program_output).await?
        }
    };
    Ok(exit(outcome))
}

/// Opens a login shell, or runs a program, on a terminal if standard input is one.
pub(crate) async fn ssh(context: &CommandContext, args: SshArgs) -> Result<CommandExit, Failure> {
    let command = CommandLine { argv: args.argv, env: Vec::new(), cwd: "/root".to_owned() };
    let kind = if std::io::stdin().is_terminal() { StdinMode::Terminal } else { StdinMode::Piped };
    let request = InteractiveRequest { name: args.target.name(), command, timeout: None };
    Ok(exit(interactive(context, request, kind).await?))
}

fn exit(outcome: ExecOutcome) -> CommandExit {
    CommandExit::Guest(outcome.code())
}
