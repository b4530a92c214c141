//! Machines that Vagrant starts, for hosts where nothing else does, and for people who have Vagrant anyway.
//!
//! Vagrant knows hypervisors that vmbuild does not. What vmbuild needs of it is little: that a machine starts, where its
//! SSH server is, that it ends. So `vagrant` is driven as a program, in its machine-readable form, with the repository's
//! own Vagrantfile; from there on the machine is like any other, reached over SSH.
//!
//! ```text
//! machines/<name>/vagrant/    VAGRANT_CWD: the Vagrantfile and what it provisions, written anew before each use
//!   .vagrant/                 VAGRANT_DOTFILE_PATH: which machine of which provider it is
//!   up                        while it is supposed to run
//! machines/<name>/host_key.pub  the SSH server's key, kept when it was first seen
//! ```
//!
//! The machine is no process of ours: no lock and no process number says whether it runs. The file `up` says what
//! vmbuild has done; `vagrant status` says what is.

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
