//! A program whose standard input is the host's.

use crate::cleanup;
use crate::exec::{drive, prepared, start, within};
use crate::request::Request;
use crate::session::{Consumed, Inbound, Link};
use std::convert::Infallible;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use vmbuild_protocol::{CommandLine, Exited, Failure};
use vmbuild_supervise::Tail;

/// Runs a program to its end, feeding it what the host sends. When this returns, the program and everything it
/// started are gone.
pub async fn run_piped(
    request: &Request,
    command: &CommandLine,
    timeout: Option<Duration>,
    link: &Link,
    mail: mpsc::UnboundedReceiver<Inbound>,
) -> Result<Exited, Failure> {
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
    outcome.map_err(|failed| Failure { tail: tail.text(), ..failed })
}

/// Hands over bytes as they come, then the end. Grants the host room only for what the program has taken; once it
/// has closed its input, the rest is dropped.
async fn feed(mut stdin: Option<ChildStdin>, link: &Link, mut mail: mpsc::UnboundedReceiver<Inbound>) -> Infallible {
    let mut consumed = Consumed::default();
    while let Some(inbound) = mail.recv().await {
        match inbound {
            Inbound::Bytes(bytes) => {
                if let Some(open) = &mut stdin
                    && open.write_all(&bytes).await.is_err()
                {
                    stdin = None;
                }
                consumed.add(bytes.len(), link);
            }
            Inbound::End(_) => stdin = None,
            Inbound::Resize(_) => {}
        }
    }
    std::future::pending().await
}
