//! Starting the agent on the other machine, as root.

use super::SshError;
use super::dial::SshConnection;
use super::pipe::{ChannelListener, SshPipe};
use super::program::shell_command;
use vmbuild_protocol::STDIO_READY;
use vmbuild_supervise::Tail;

/// `-n`: sudo fails instead of asking for a password.
const SERVE: &str = r#"cd && if [ "$(id -u)" = 0 ]; then
    exec .vmbuild/agent serve --stdio
else
    exec sudo -n -- "$PWD/.vmbuild/agent" serve --stdio
fi"#;

/// Starts the agent and waits for its first line: everything before that explains why it does not start.
pub(super) async fn start_agent(connection: SshConnection) -> Result<SshPipe, SshError> {
    let doing = "starting the agent";
    let lost = |error: russh::Error| {
        let mut tail = Tail::default();
        tail.push(error.to_string().as_bytes());
        SshError::Program { doing, status: None, tail }
    };
    let channel = connection.channel_open_session().await.map_err(lost)?;
    channel.exec(true, shell_command(SERVE)?).await.map_err(lost)?;
    let (from, to) = channel.split();
    let mut listener = ChannelListener::new(from);
    if !listener.wait_for_line(STDIO_READY).await {
        return Err(SshError::Program { doing, status: listener.status, tail: listener.tail });
    }
    Ok(SshPipe::new(connection, listener, &to))
}
