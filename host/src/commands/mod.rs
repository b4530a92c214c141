//! One function per verb: from clap's arguments to a request, from the operation's outcome to output and exit code.

mod build;
mod clean;
mod config;
mod context;
mod cp;
mod diff;
mod doctor;
mod exec;
mod image;
mod list;
mod logs;
mod port;
mod program;
mod provision;
mod status;
mod stop;
mod terminal;
mod trace;
mod up;
mod validate;
mod versions;

pub use program::main;
