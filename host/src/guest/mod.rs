//! Talking to the agent in a machine: the transport that carries bytes, and the session over it.

mod copy;
mod session;
mod transport;

pub use copy::{Copied, CopyError, Depth, receive, send};
pub use session::{Feed, Had, Session, SessionError};
pub(crate) use transport::connect_socket;
pub use transport::{Transport, connect};
