//! A guest program joined to this standard input.

use super::raw::{self, RawMode};
use super::stdin;
use crate::commands::context::CommandContext;
use crate::commands::exec::unless_closed;
use crate::report;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_guest::Feed;
use vmbuild_machine::Machine;
use vmbuild_protocol::{CommandLine, Exited, Interactive, ProgramInput, TerminalSize};

/// A program to talk to.
#[derive(Debug)]
pub(crate) struct Talk {
    /// What to run; no words stand for the login shell.
    pub(crate) command: CommandLine,
    /// Milliseconds it has.
    pub(crate) timeout_ms: Option<u64>,
    /// Whether it gets a terminal.
    pub(crate) terminal: bool,
}

/// A terminal was asked for where there is none, or this one refuses.
#[derive(Debug, thiserror::Error)]
#[error("standard input is not a terminal that can be used")]
struct NoTerminal(#[source] std::io::Error);

impl Diagnose for NoTerminal {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["`-i` without `-t` passes standard input on without a terminal".to_owned()]
    }
}

/// Runs the program, with this standard input and output as its own, to its end.
pub(crate) async fn talk(context: &CommandContext, machine: &Machine, talk: Talk) -> Result<Exited, Failure> {
    let (sizes, resized) = mpsc::unbounded_channel();
    // Restored on every way out of this function, also when it is dropped half-way.
    let mode = talk.terminal.then(RawMode::enter).transpose().map_err(NoTerminal)?;
    let input = if mode.is_some() {
        ProgramInput::Terminal { size: raw::size(), kind: std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()) }
    } else {
        ProgramInput::Piped
    };
    let order = Interactive { command: talk.command, timeout_ms: talk.timeout_ms, input };
    let feed = Feed { input: stdin::pieces(), sizes: resized };
    let running = machine.session().interactive(order, feed, &context.cancel, report::program_output);
    let watching = async {
        if mode.is_some() {
            follow_size(&sizes).await;
        }
        std::future::pending::<std::convert::Infallible>().await
    };
    tokio::select! {
        ended = machine.ask(running) => Ok(unless_closed(ended)?),
        never = watching => match never {},
    }
}

/// Passes on each new size of this terminal.
async fn follow_size(sizes: &mpsc::UnboundedSender<TerminalSize>) {
    // Without the signal the guest keeps the first size, and works.
    let Ok(mut changes) = signal(SignalKind::window_change()) else { return };
    while changes.recv().await.is_some() {
        let _ = sizes.send(raw::size());
    }
}
