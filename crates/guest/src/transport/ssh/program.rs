//! A short program on the other machine: its input, its exit code, its output.

use super::SshError;
use super::dial::SshConnection;
use russh::{ChannelMsg, Error};
use std::io;
use vmbuild_supervise::Tail;

/// Outcome of a program on the other machine.
#[derive(Debug)]
pub(super) struct RemoteOutcome {
    /// Its exit code; none if the connection broke, or a signal killed it.
    pub(super) status: Option<u32>,
    /// Its standard output.
    pub(super) stdout: Vec<u8>,
    /// The end of its standard error.
    pub(super) tail: Tail,
}

/// Runs a script for the POSIX shell with this input. The login shell may be another one, so the script is quoted.
pub(super) async fn run_script(
    connection: &SshConnection,
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
    let channel = connection.channel_open_session().await.map_err(lost)?;
    channel.exec(true, shell_command(script)?).await.map_err(lost)?;
    let (mut from, to) = channel.split();
    let feed = async {
        // A program that ends early gives the reason by its exit code.
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

/// The command that runs a script, quoted for the login shell.
pub(super) fn shell_command(script: &str) -> Result<String, SshError> {
    shlex::try_join(["exec", "sh", "-c", script]).map_err(|error| io::Error::other(error).into())
}
