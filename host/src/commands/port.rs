//! `vmbuild port`: a port of this host's loopback that leads to a port of a machine.
//!
//! The bytes go through the agent's session, so the machine needs no network. Only this host can connect: nothing
//! but the loopback address is listened on.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::PortArgs;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use vmbuild_core::context::Interrupted;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::Failure;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_guest::SessionError;
use vmbuild_machine::Machine;

/// The port is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on port {port} of 127.0.0.1")]
struct NotListening {
    port: u16,
    #[source]
    source: io::Error,
}

impl Diagnose for NotListening {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        vec!["another program may have it: 0 takes any free port, and the line on standard error says which".to_owned()]
    }
}

/// Forwards until Ctrl-C, which is how it is meant to end.
pub(crate) async fn port(context: &CommandContext, args: PortArgs) -> Result<CommandExit, Failure> {
    let machine = Machine::attach(&context.store, &args.name, &context.cancel).await?.telling(&context.events);
    let not_listening = |source| NotListening { port: args.ports.host, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.ports.host)).await.map_err(not_listening)?;
    let address = listener.local_addr().map_err(not_listening)?;
    let text = format!("{address} leads to port {} of {}; Ctrl-C ends it", args.ports.guest, args.name);
    context.events.note(Part::Machine, text);
    let serving = machine.watch(serve(context, &machine, &listener, args.ports.guest));
    match context.unless_interrupted(serving).await {
        Ok(served) => match served?? {},
        Err(Interrupted) => Ok(Exit::Interrupted.into()),
    }
}

/// Carries connections, many at a time. Ends only when the session does.
async fn serve(
    context: &CommandContext,
    machine: &Machine,
    listener: &TcpListener,
    port: u16,
) -> Result<Infallible, SessionError> {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => open.push(machine.session().connect(port, stream, &context.cancel)),
                // A client that left already, or no descriptors: the next one may fare better.
                Err(error) => context.events.warn(Part::Machine, format!("a connection was lost: {error}")),
            },
            Some(closed) = open.next(), if !open.is_empty() => over(&context.events, closed)?,
        }
    }
}

/// One connection's end concerns that connection, unless there is no agent any more.
fn over(events: &Events, closed: Result<(), SessionError>) -> Result<(), SessionError> {
    match closed {
        // The client is gone: that is how connections end, too.
        Ok(()) | Err(SessionError::Local(_)) => Ok(()),
        Err(SessionError::Refused(failure)) => {
            events.warn(Part::Machine, failure.message);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
