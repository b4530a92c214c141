//! The host's side of an interactive guest program: this terminal and this standard input.

mod interactive;
mod raw;
mod stdin;

pub(crate) use interactive::{StdinMode, interactive};
