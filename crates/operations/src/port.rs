//! `port`: forwards a port of this host's loopback address to a port of a named machine.
//!
//! The bytes go through the agent's session, so the machine needs no network. Only this host can connect: vmbuild
//! listens on nothing but the loopback address.

use crate::named::{attach, traced};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use vmbuild_core::context::{Context, Interrupted};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_guest::SessionError;
use vmbuild_machine::{Machine, MachineName};

/// A port to forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRequest {
    /// The machine.
    pub name: MachineName,
    /// The port on this host's loopback address; 0 takes any free one.
    pub host_port: u16,
    /// The port in the guest.
    pub guest_port: u16,
}

/// The only way in which forwarding ends without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortOutcome {
    /// The context was cancelled.
    Interrupted,
}

/// The port on this host cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on port {port} of 127.0.0.1")]
struct ListenError {
    port: u16,
    #[source]
    source: io::Error,
}

impl Diagnose for ListenError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        vec!["if another program uses it, port 0 takes any free one and prints which".to_owned()]
    }
}

/// Forwards connections until the context is cancelled. A note says on which address it listens.
pub async fn port(context: &Context, request: PortRequest) -> Result<PortOutcome, Failure> {
    traced(context, &request.name, forward(context, &request)).await
}

async fn forward(context: &Context, request: &PortRequest) -> Result<PortOutcome, Failure> {
    let machine = attach(context, &request.name).await?;
    let listen_error = |source| ListenError { port: request.host_port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, request.host_port)).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let text = format!("forwarding {address} to port {} of {}; press Ctrl-C to stop", request.guest_port, request.name);
    context.events.note(Part::Machine, text);
    let serving = machine.watch(serve(context, &machine, &listener, request.guest_port));
    match context.unless_interrupted(serving).await {
        Ok(served) => match served?? {},
        Err(Interrupted) => Ok(PortOutcome::Interrupted),
    }
}

/// Carries connections, many at a time. Ends only when the session does.
async fn serve(
    context: &Context,
    machine: &Machine,
    listener: &TcpListener,
    port: u16,
) -> Result<Infallible, SessionError> {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tracing::debug!(%peer, port, "accepted a connection");
                    open.push(machine.session().connect(port, stream, &context.cancel));
                }
                // A client that left already, or no descriptors: the next one may fare better.
                Err(error) => context.events.warn(Part::Machine, format!("lost a connection: {error}")),
            },
            Some(closed) = open.next(), if !open.is_empty() => check_closed(&context.events, closed)?,
        }
    }
}

/// The end of one connection concerns that connection only, unless there is no agent any more.
fn check_closed(events: &Events, closed: Result<(), SessionError>) -> Result<(), SessionError> {
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
