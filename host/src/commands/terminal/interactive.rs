//! A guest program joined to this process's standard input.

use super::raw::{self, RawMode};
use super::stdin;
use crate::report;
use std::convert::Infallible;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use vmbuild_core::context::Context;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_guest::InputFeed;
use vmbuild_operations::{ExecOutcome, InteractiveRequest};
use vmbuild_protocol::{ProgramInput, TerminalSize};

/// How standard input is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StdinMode {
    /// As bytes.
    Piped,
    /// As a terminal, which the program gets one for.
    Terminal,
}

/// A terminal was asked for, and standard input cannot be used as one.
#[derive(Debug, thiserror::Error)]
#[error("standard input is not a terminal that can be used")]
struct NoTerminal(#[source] std::io::Error);

impl Diagnose for NoTerminal {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["use `-i` without `-t` to pass standard input on without a terminal".to_owned()]
    }
}

/// Runs the program, with this standard input and output as its own, to its end.
pub(crate) async fn interactive(
    context: &Context,
    request: InteractiveRequest,
    kind: StdinMode,
) -> Result<ExecOutcome, Failure> {
    let (sizes, resized) = mpsc::unbounded_channel();
    // Restored on every way out of this function, also when it is dropped half-way.
    let mut mode = None;
    let open_input = || {
        let input = match kind {
            StdinMode::Piped => ProgramInput::Piped,
            StdinMode::Terminal => {
                mode = Some(RawMode::enter().map_err(NoTerminal)?);
                let kind = std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned());
                ProgramInput::Terminal { size: raw::size(), kind }
            }
        };
        Ok((input, InputFeed { input: stdin::pieces(), sizes: resized }))
    };
    let running = vmbuild_operations::interactive(context, request, open_input, report::program_output);
    tokio::select! {
        ended = running => ended,
        never = follow_size(kind, &sizes) => match never {},
    }
}

/// Passes on each new size of this terminal.
async fn follow_size(kind: StdinMode, sizes: &mpsc::UnboundedSender<TerminalSize>) -> Infallible {
    // Without the signal the guest keeps the first size, and works.
    if let (StdinMode::Terminal, Ok(mut changes)) = (kind, signal(SignalKind::window_change())) {
        while changes.recv().await.is_some() {
            let _ = sizes.send(raw::size());
        }
    }
    std::future::pending().await
}
