//! A program whose standard input is the host's.

use crate::cleanup;
use crate::handlers::exec::{build_command, drive_program, run_within, spawn};
use crate::request::RequestContext;
use crate::session::{CreditGrants, HostLink, HostMessage};
use std::convert::Infallible;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use vmbuild_protocol::{CommandLine, Exited, RequestFailure};
use vmbuild_supervise::Tail;

/// Runs a program to its end, feeding it the bytes that the host sends. When this returns, the program and everything it
/// started are gone.
pub(super) async fn run_piped(
    request: &RequestContext,
    command: &CommandLine,
    timeout: Option<Duration>,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Exited, RequestFailure> {
    let mut child = spawn(build_command(request, command)?.stdin(Stdio::piped()), command)?;
    let (line, stdin) = (child.line().to_owned(), child.take_stdin());
    let (mut tail, mut ignore) = (Tail::default(), |_, _: &[u8]| ());
    let work = async {
        tokio::select! {
            ended = drive_program(&mut child, request, &mut tail, &mut ignore) => ended,
            never = feed_stdin(stdin, link, messages) => match never {},
        }
    };
    let outcome = run_within(request, &line, timeout, work).await;
    if outcome.is_err() {
        child.shutdown().await;
        cleanup::end_marked(&request.mark).await?;
    }
    outcome.map_err(|failed| RequestFailure { tail: tail.text(), ..failed })
}

/// Forwards bytes as they come, then the end. Grants the host credit only for bytes that the program has read; once it
/// has closed its input, the rest is dropped.
async fn feed_stdin(
    mut stdin: Option<ChildStdin>,
    link: &HostLink,
    mut messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Infallible {
    let mut consumed = CreditGrants::default();
    while let Some(inbound) = messages.recv().await {
        match inbound {
            HostMessage::Bytes(bytes) => {
                if let Some(open) = &mut stdin
                    && open.write_all(&bytes).await.is_err()
                {
                    stdin = None;
                }
                consumed.add(bytes.len(), link);
            }
            HostMessage::End(_) => stdin = None,
            HostMessage::Resize(_) => {}
        }
    }
    std::future::pending().await
}
