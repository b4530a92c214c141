//! `vmbuild exec -- CMD`: a program in a named machine, with its output and its exit code.

use super::context::Context;
use super::program::Ending;
use crate::cli::Exec;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::report;
use vmbuild_protocol::{CommandLine, Exited};

/// Runs the program and ends as it ended; 128 plus the signal's number if one ended it.
pub(crate) async fn exec(context: &Context, args: Exec) -> Result<Ending, Failure> {
    let machine = Machine::attach(&context.store, &args.name, &context.cancel).await?;
    let request = vmbuild_protocol::Exec {
        command: CommandLine { argv: args.argv, env: args.env, cwd: args.cwd },
        timeout_ms: args.timeout.map(|seconds| seconds.saturating_mul(1000)),
    };
    let exited = machine.ask(machine.session().exec(request, &context.cancel, report::program_output)).await?;
    Ok(Ending::Guest(match exited {
        Exited::Code(code) => u8::try_from(code).unwrap_or(u8::MAX),
        Exited::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
    }))
}
