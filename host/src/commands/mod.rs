//! One function per verb. Each takes plain values, asks the parts to do the work, and returns how the program ends.

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
mod up;
mod validate;
mod versions;

pub use program::main;
