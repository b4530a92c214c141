//! A session with an agent over any byte pipe.
//!
//! A task of its own (the pump) reads frames and hands each to the request it belongs to; requests write through
//! an unbounded queue, because its bulk waits for the agent's credit first. Dropping a request's future
//! cancels the request in the guest.

mod calls;
mod error;
mod hello;
mod pump;
mod request;
mod streams;
#[cfg(test)]
pub(crate) mod tests;
mod transfer;
mod trees;

pub use calls::{AcceptedConnection, Session};
pub use error::SessionError;
pub use hello::SessionOpening;
pub use streams::InputFeed;
pub use transfer::{LocalFile, LocalPrefix};
