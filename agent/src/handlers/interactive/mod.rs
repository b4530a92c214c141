//! Programs that are fed while they run: through a pipe, or by a person at a terminal.

mod feed;
mod piped;
mod pty;
mod shell;
mod terminal;

pub use feed::interactive;
