//! What every other crate builds on: events, failures, findings, the store and its locks.

mod blocking;
pub mod context;
pub mod event;
pub mod failure;
pub mod finding;
pub mod format;
pub mod store;

pub use blocking::blocking;
