//! Jobs: work as data, run in throw-away machines.

mod machine_setup;
mod vagrant_box;

pub use machine_setup::{DEFAULT_MEMORY_MIB, MachineRequest, MachineSetup};
