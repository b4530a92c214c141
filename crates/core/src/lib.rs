//! The base of every other crate: events, failures, findings, the trace, the store and its locks.

mod blocking;
pub mod context;
pub mod event;
pub mod failure;
pub mod finding;
pub mod format;
pub mod store;
pub mod trace;

pub use blocking::blocking;
