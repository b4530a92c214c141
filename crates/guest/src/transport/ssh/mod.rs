//! SSH, for machines that other programs start: every distribution's image has a server.
//!
//! vmbuild's own machines need none of this. A machine that Vagrant starts has no virtio-serial port, and its
//! system has no agent; but it has an SSH server. So the agent is sent over SSH and started there, on the standard
//! input and output of an SSH channel: that channel is the pipe, and the session over it is the same as over any other.
//!
//! ```text
//! dial       TCP, the server's key compared with the pinned one, the user's key
//! place      `sha256sum` of the installed agent; another one is replaced
//! serve      `vmbuild-agent serve --stdio`, by sudo where the user is not root
//! pipe       its standard input and output; its standard error goes into errors
//! ```
//!
//! An agent lives as long as its channel. Two vmbuilds have two agents.

mod dial;
mod error;
mod host_key;
mod pipe;
mod place;
mod program;
mod serve;
mod way;

pub use error::SshError;
pub use way::{HostKeys, SshWay};

use super::Pipe;

/// Connects, installs the agent if it is missing, and starts it.
pub(super) async fn connect(way: &SshWay) -> Result<Pipe, SshError> {
    let handle = dial::dial(way).await?;
    place::place_agent(&handle, &way.agent).await?;
    Ok(Box::pin(serve::start_agent(handle).await?))
}
