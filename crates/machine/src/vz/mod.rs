//! Apple's Virtualization.framework: a trial.
//!
//! `vfkit` puts the framework behind a command line; [`VfkitCommand`] is that command line, as data. Nothing starts it
//! yet. Three things are missing for that: the machine's own disk, a copy-on-write clone of the golden disk, because the
//! framework reads raw images only; an uncompressed kernel, which the framework demands; and the process, which has to be
//! held and proved as QEMU's is.

mod backend;
mod command;

pub use backend::{VzBackend, VzRecord};
pub use command::{UnquotablePath, VfkitCommand};
