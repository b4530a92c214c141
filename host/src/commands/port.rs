//! `vmbuild port`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::PortArgs;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::{PortOutcome, PortRequest};

/// Forwards until Ctrl-C, which is how it is meant to end.
pub(crate) async fn port(context: &CommandContext, args: PortArgs) -> Result<CommandExit, Failure> {
    let request = PortRequest { name: args.name, host_port: args.ports.host, guest_port: args.ports.guest };
    match vmbuild_operations::port(context, request).await? {
        PortOutcome::Interrupted => Ok(Exit::Interrupted.into()),
    }
}
