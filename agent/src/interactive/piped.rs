//! A program whose standard input is the host's.

use crate::cleanup;
use crate::exec::{drive, prepared, start, within};
use crate::request::RequestContext;
use crate::session::{Consumed, HostMessage, Link};
use std::convert::Infallible;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use vmbuild_protocol::{CommandLine, Exited, RequestFailure};
use vmbuild_supervise::Tail;

/// Runs a program to its end, feeding it what the host sends. When this returns, the program and everything it
/// started are gone.
pub async fn run_piped(
    request: &RequestContext,
    command: &CommandLine,
    timeout: Option<Duration>,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Exited, RequestFailure> {
    let mut child = start(prepared(request, command)?.stdin(Stdio::piped()), command)?;
    let (line, stdin) = (child.line().to_owned(), child.take_stdin());
    let (mut tail, mut nobody) = (Tail::default(), |_, _: &[u8]| ());
    let work = async {
        tokio::select! {
            ended = drive(&mut child, request, &mut tail, &mut nobody) => ended,
            never = feed(stdin, link, mail) => match never {},
        }
    };
    let outcome = within(request, &line, timeout, work).await;
    if outcome.is_err() {
        child.shutdown().await;
        cleanup::end_marked(&request.mark).await?;
    }
    outcome.map_err(|failed| RequestFailure { tail: tail.text(), ..failed })
}

/// Hands over bytes as they come, then the end. Grants the host room only for what the program has taken; once it
/// has closed its input, the rest is dropped.
async fn feed(
    mut stdin: Option<ChildStdin>,
    link: &Link,
    mut mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Infallible {
    let mut consumed = Consumed::default();
    while let Some(inbound) = mail.recv().await {
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
