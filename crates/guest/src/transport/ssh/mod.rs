//! SSH, for machines that others start: what every distribution's image answers to.
//!
//! vmbuild's own machines need none of this. A machine that Vagrant starts has no port of ours, and its system knows
//! nothing of our agent; but it has an SSH server. So the agent is sent over SSH and started there, on the standard
//! input and output of an SSH channel: that channel is the pipe, and the session over it is the same as over any other.
//!
//! ```text
//! dial       TCP, the server's key compared with the pinned one, our key
//! place      `sha256sum` of the agent that lies there; another one is replaced
//! serve      `vmbuild-agent serve --stdio`, by sudo where the user is not root
//! pipe       its standard input and output; what it says on standard error goes into errors
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

/// Dials, places the agent if it is not there, and starts it.
pub(super) async fn connect(way: &SshWay) -> Result<Pipe, SshError> {
    let handle = dial::dial(way).await?;
    place::place(&handle, &way.agent).await?;
    Ok(Box::pin(serve::serve(handle).await?))
}
