//! Talking to the agent in a machine: the transport that carries bytes, and the session over it.

mod session;
mod transport;

pub use session::{Opening, Session, SessionError};
pub use transport::{Loser, Pipe, RaceError, RaceResult, Transport, TransportKind, connect};
pub(crate) use transport::{connect_socket, race};
