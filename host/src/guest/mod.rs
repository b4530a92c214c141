//! Talking to the agent in a machine: the transport that carries bytes, and the session over it.

mod session;
mod transport;

pub use session::{Session, SessionError};
pub(crate) use transport::connect_socket;
pub use transport::{Transport, connect};
