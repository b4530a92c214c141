//! Apple's Virtualization.framework: a trial.
//!
//! `vfkit` puts the framework behind a command line; [`VfkitCommand`] is that command line, as data. Nothing starts it
//! yet. Two things are missing for that: the machine's own disk, a copy-on-write clone of the golden disk, because the
//! framework reads raw images only; and the process, which is held and proved as QEMU's is.

mod backend;
mod command;

pub use backend::{VzBackend, VzRecord};
pub use command::{UnquotablePath, VfkitCommand};
