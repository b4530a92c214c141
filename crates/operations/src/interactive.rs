//! `exec --interactive` and `ssh`: a program in a named machine, joined to somebody's standard input.

use crate::exec::{ExecOutcome, ended, milliseconds};
use crate::named::{attach, traced};
use std::time::Duration;
use vmbuild_core::context::Context;
use vmbuild_core::failure::{Failure, OutputError};
use vmbuild_guest::InputFeed;
use vmbuild_machine::MachineName;
use vmbuild_protocol::{CommandLine, Interactive, OutputStream, ProgramInput};

/// A program to run interactively.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractiveRequest {
    /// The machine to run it in.
    pub name: MachineName,
    /// The program; an empty argument list is root's login shell.
    pub command: CommandLine,
    /// How long it may run; `None` is without limit.
    pub timeout: Option<Duration>,
}

/// Runs the program to its end. `open_input` is called once the machine has answered, just before the program starts: a
/// terminal enters raw mode only then, so that earlier messages look right. Output is treated as by [`exec`](crate::exec).
pub async fn interactive(
    context: &Context,
    request: InteractiveRequest,
    open_input: impl FnOnce() -> Result<(ProgramInput, InputFeed), Failure>,
    on_output: impl FnMut(OutputStream, &[u8]) -> Result<(), OutputError>,
) -> Result<ExecOutcome, Failure> {
    let InteractiveRequest { name, command, timeout } = request;
    let timeout_ms = timeout.map(milliseconds);
    traced(context, &name, async {
        let machine = attach(context, &name).await?;
        let (input, feed) = open_input()?;
        let order = Interactive { command, timeout_ms, input };
        ended(machine.ask(machine.session().interactive(order, feed, &context.cancel, on_output)).await)
    })
    .await
}
