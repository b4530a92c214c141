//! Programs that are fed while they run: by a pipe, or by a person at a terminal.

mod piped;
mod pty;
mod shell;
mod terminal;

pub use piped::run_piped;
pub use terminal::run_in_terminal;

pub(crate) use shell::with_program;
