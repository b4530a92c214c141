//! A short program over there: its input, its exit code, its words.

use super::SshError;
use super::dial::SshConnection;
use russh::{ChannelMsg, Error};
use vmbuild_supervise::Tail;

/// How a program over there ended.
#[derive(Debug)]
pub(super) struct RemoteOutcome {
    /// Its exit code; none if the connection broke, or a signal ended it.
    pub(super) status: Option<u32>,
    /// What it wrote to standard output.
    pub(super) stdout: Vec<u8>,
    /// The end of what it wrote to standard error.
    pub(super) tail: Tail,
}

/// Runs a line of the POSIX shell with this input. The login shell may be another one, so it is handed over quoted.
pub(super) async fn run(
    line: &SshConnection,
    doing: &'static str,
    script: &str,
    input: &[u8],
) -> Result<RemoteOutcome, SshError> {
    let failed = |tail: Tail| SshError::Program { doing, status: None, tail };
    let lost = |error: Error| {
        let mut tail = Tail::default();
        tail.push(error.to_string().as_bytes());
        failed(tail)
    };
    let channel = line.channel_open_session().await.map_err(lost)?;
    channel.exec(true, shell(script)).await.map_err(lost)?;
    let (mut from, to) = channel.split();
    let feed = async {
        // A program that ends without reading on says why by its exit code.
        let _ = to.data(input).await;
        let _ = to.eof().await;
    };
    let mut outcome = RemoteOutcome { status: None, stdout: Vec::new(), tail: Tail::default() };
    let listen = async {
        while let Some(message) = from.wait().await {
            match message {
                ChannelMsg::Data { data } => outcome.stdout.extend_from_slice(&data),
                ChannelMsg::ExtendedData { data, .. } => outcome.tail.push(&data),
                ChannelMsg::ExitStatus { exit_status } => outcome.status = Some(exit_status),
                _ => {}
            }
        }
    };
    tokio::join!(feed, listen);
    Ok(outcome)
}

/// The script as one word for the login shell.
pub(super) fn shell(script: &str) -> String {
    format!("exec sh -c '{}'", script.replace('\'', r"'\''"))
}
