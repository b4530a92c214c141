//! Talking to the agent in a machine: the transport that carries bytes, and the session over it.

mod copy;
mod session;
mod transport;

pub use copy::{CopyDepth, CopyError, CopySummary, GuestTree, receive, send};
pub use session::{AcceptedConnection, InputFeed, LocalFile, LocalPrefix, Session, SessionError, SessionOpening};
pub use transport::{
    ConnectError, FailedTransport, HostKeys, Pipe, RaceError, RaceResult, SshError, SshWay, Transport, TransportKind,
    connect,
};
pub use transport::{connect_socket, race};
