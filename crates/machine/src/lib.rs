//! Machines: what one is (`spec`), where its state lives (`folder`), and the backends that run it.
//!
//! A machine is data first. `sandbox`, `qemu` and `vagrant` turn a [`MachineSpec`] into something that runs and hand back
//! a [`guest::Transport`](vmbuild_guest::Transport) to the agent in it. None of them knows about images: a spec names
//! the files it starts from.

pub mod accelerator;
pub mod agent_binary;
mod agent_parameters;
pub mod backend;
mod boot_wait;
mod choose;
mod error;
mod folder;
mod guard;
mod log_tail;
mod process;
mod process_handle;
pub mod qemu;
mod record;
mod resources;
mod running;
pub mod sandbox;
mod spec;
mod sweep;
pub mod vagrant;
pub mod vz;

pub use backend::{BACKENDS, Backend, BackendRecord};
pub use choose::{BackendChoice, BackendRequest, ChooseError, ChosenBackend, choose_backend};
pub use error::MachineError;
pub use folder::{FolderError, MachineFolder, MachineState};
pub use guard::PAUSED;
pub use process::ProcessIdentity;
pub use record::{MachineId, MachineRecord};
pub use resources::RoomError;
pub use running::{Machine, StoppedMachine, destroy_named, end_named, remove};
pub use spec::{
    Accelerator, BackendKind, BootMethod, FirstBootSystem, Lifetime, MachineName, MachineSpec, Network, RootDisk,
    RootTree, StartSource, UnknownName, VagrantBox,
};
pub use sweep::sweep;
