//! The agent's side of a session.
//!
//! One future per pipe does everything: it reads frames, drives the requests under way and writes their frames.
//! Nothing in it waits for the host while holding up something else: the queue towards the host is unbounded, and
//! its bulk (output and file bytes) waits for the host's credit first. So a host that stops reading
//! stops one request's output, never a cancel or another request.

mod conversation;
mod dispatch;
mod frames;
mod host_link;

pub(crate) use conversation::{CreditGrants, digest};
pub use conversation::{serve_pipe, serve_shared_pipe};
pub use host_link::{HostLink, HostMessage};
