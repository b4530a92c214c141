//! Machines as Linux namespaces over a directory tree.
//!
//! Where no hypervisor works (a CI runner, a guest without nested virtualisation) a build still needs a machine of its own:
//! another root file system, no other processes, no network, a writable layer that is thrown away. The kernel provides
//! that to every user who may create a user namespace. It isolates against accidents, at native speed; it does not protect
//! against hostile code, which needs a virtual machine.
//!
//! Why a few system calls of our own and not bubblewrap: the version that stable distributions ship (0.8 in
//! Debian 12) cannot mount an overlay and maps a single user id, while `apt` and `dpkg` need a range of them.
//! `unshare(1)` and `newuidmap` would map the ids, but would not tie the processes' lifetime to ours.
//!
//! Three processes take part:
//!
//! ```text
//! vmbuild ── outer ── inner (process 1 in the machine) ── ...
//!            makes the namespaces, waits      mounts, then becomes the agent or tool
//! ```
//!
//! `outer` is this same program, started again: only a process with one thread can create a user namespace, and only the
//! parent outside can write the id maps. They exchange lines of JSON over a socket (`control`), so that an error has the
//! real reason of a failure.

mod backend;
mod cgroup;
mod control;
#[cfg(target_os = "linux")]
mod helper;
mod idmap;
mod machine;
mod namespace;
mod refusal;

pub use backend::{SandboxBackend, SandboxRecord};
pub use idmap::IdMapError;
use machine::end_leftover;
pub use machine::{SandboxError, SandboxMachine};
pub use namespace::{BindMount, NamespaceCommand, NamespaceRoot, internal_entry, set_helper, works_here};
pub use refusal::NamespaceError;

use cgroup::remove_cgroups;
pub use namespace::helper_program;
