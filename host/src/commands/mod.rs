//! One function per verb. Each takes plain values, asks the parts to do the work, and returns how the program ends.

mod build;
mod clean;
mod context;
mod doctor;
mod exec;
mod image;
mod machines;
mod program;
mod status;
mod stop;
mod up;
mod validate;
mod versions;

pub use program::main;
