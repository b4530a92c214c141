//! Machines under Vagrant, for hosts where no other backend works, and for people who use Vagrant anyway.
//!
//! Vagrant supports hypervisors that vmbuild does not. vmbuild needs little of it: starting and stopping a machine, and the
//! address of its SSH server. So `vagrant` is run as a program, with machine-readable output and the repository's own
//! Vagrantfile; after that the machine is like any other, reached over SSH.
//!
//! ```text
//! machines/<name>/vagrant/    VAGRANT_CWD: the Vagrantfile and what it provisions, rewritten before each use
//!   .vagrant/                 VAGRANT_DOTFILE_PATH: Vagrant's own state
//!   up                        while it is supposed to run
//! machines/<name>/host_key.pub  the SSH server's key, pinned at the first connection
//! ```
//!
//! The machine is not a process of ours: no lock and no process number tells whether it runs. The file `up` notes the last
//! action of vmbuild; `vagrant status` reports the real state.

mod backend;
mod boxes;
mod error;
mod machine;
mod project;
mod records;
mod run;
mod ssh_config;

pub use backend::{VagrantBackend, VagrantMachineRecord};
pub use boxes::{add_box, has_box};
pub use error::VagrantError;
pub use machine::VagrantMachine;
use machine::{destroy, halt, is_running, works_here};
