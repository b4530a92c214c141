//! A program on a terminal of its own.
//!
//! The guest may have neither network nor SSH; a pseudo-terminal and the session are enough. Its line discipline
//! does in the guest what a terminal does: Ctrl-C becomes a signal to the program in the foreground, and a new size
//! is announced to it.

use super::pty::PseudoTerminal;
use crate::cleanup;
use crate::failure::io_failure;
use crate::handlers::exec::{build_command, run_within, spawn, to_exited};
use crate::request::RequestContext;
use crate::session::{CreditGrants, HostLink, HostMessage};
use nix::sys::signal::Signal;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{CHUNK, CommandLine, Exited, OutputStream, RequestFailure, TerminalSize};
use vmbuild_supervise::Child;

/// How long the terminal may be silent, once its program and all that it started are gone, before its output counts
/// as complete: only a process out of reach can still hold it open then.
const SILENCE: Duration = Duration::from_secs(1);

/// Runs a program on a terminal to its end. When this returns, the program and everything it started are gone.
pub(super) async fn run_in_terminal(
    request: &RequestContext,
    command: &CommandLine,
    timeout: Option<Duration>,
    size: TerminalSize,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Exited, RequestFailure> {
    let (pty, theirs) = PseudoTerminal::open(size).map_err(|error| io_failure(&error))?;
    let program = build_command(request, command)?.terminal(&theirs).map_err(|error| io_failure(&error))?;
    let mut child = spawn(program, command)?;
    // From now on only the program holds its side: once it ends, reading ends.
    drop(theirs);
    let line = child.line().to_owned();
    let work = async {
        tokio::select! {
            ended = drive_on_terminal(&mut child, &pty, request) => ended,
            never = type_input(&pty, link, messages) => match never {},
        }
    };
    let outcome = run_within(request, &line, timeout, work).await;
    if outcome.is_err() {
        // The signal of a terminal that goes away: an interactive shell ignores SIGTERM.
        child.signal_group(Signal::SIGHUP);
        child.shutdown().await;
        cleanup::end_marked(&request.mark).await?;
    }
    outcome
}

/// Forwards the output of a program until it and its descendants have ended and everything has been sent.
async fn drive_on_terminal(
    child: &mut Child,
    pty: &PseudoTerminal,
    request: &RequestContext,
) -> Result<Exited, RequestFailure> {
    let over = CancellationToken::new();
    let ending = async {
        let ended = child.wait().await;
        child.signal_group(Signal::SIGKILL);
        let gone = cleanup::end_marked(&request.mark).await;
        over.cancel();
        gone.and_then(|()| to_exited(ended))
    };
    tokio::join!(ending, forward_screen(pty, request, &over)).0
}

async fn forward_screen(pty: &PseudoTerminal, request: &RequestContext, over: &CancellationToken) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let silence = async {
            over.cancelled().await;
            tokio::time::sleep(SILENCE).await;
        };
        let count = tokio::select! {
            biased;
            count = pty.read(&mut buffer) => count,
            () = silence => 0,
        };
        if count == 0 {
            return;
        }
        request.send_output(OutputStream::Stdout, &buffer[..count]).await;
    }
}

/// Types the input of the host's user, and follows the size of their terminal.
async fn type_input(
    pty: &PseudoTerminal,
    link: &HostLink,
    mut messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Infallible {
    let mut consumed = CreditGrants::default();
    while let Some(inbound) = messages.recv().await {
        match inbound {
            HostMessage::Bytes(bytes) => {
                // Fails once the other side is closed: the program's end follows.
                let _ = pty.write_all(&bytes).await;
                consumed.add(bytes.len(), link);
            }
            HostMessage::Resize(size) => {
                // Only a terminal that is gone has no size.
                let _ = pty.resize(size);
            }
            HostMessage::End(_) => {}
        }
    }
    std::future::pending().await
}
