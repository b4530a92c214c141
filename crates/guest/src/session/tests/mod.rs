//! The session against the real agent, over pipes in memory and over a real socket; and against false agents,
//! for what a real one does not do.

mod files;
mod opening;
mod programs;
mod streams;
mod support;
pub(crate) mod wire;
