//! The host's side of a program in the guest that somebody talks to: this terminal, this standard input.

mod raw;
mod stdin;
mod talk;

pub(crate) use talk::{Talk, talk};
