//! The agent as a process that others depend on.
//!
//! A guest needs a process to mount its file systems, to bring its network up and to reap processes whose parents
//! died. A distribution's own start-up does that in tens of seconds and a hundred processes; a throw-away machine
//! needs it in milliseconds. So the agent does it itself, as far as its [`AgentRole`] asks for:
//!
//! * [`AgentRole::Ordinary`]: another program is process 1. The agent only adopts what its programs leave behind. On the
//!   first boot of a cloud image, which is such a case, [`prepare_service`] finds the port and may set up the network.
//! * [`AgentRole::Sandbox`]: process 1 of a PID namespace whose mounts the host has made. The agent adopts orphans
//!   and brings the loopback interface up.
//! * [`AgentRole::Kernel`]: `/init` of an initramfs, straight under a kernel. The agent does everything, see
//!   [`prepare`]: one file of this folder for each part. If it ended, the kernel would panic, so it never does: a fatal
//!   error or a panic is printed on the console and the machine powers off.
//!
//! The order of calls in `main`: [`AgentRole::detect`]; then, inside the runtime, [`spawn_reaper`] and one of
//! [`prepare`] (kernel) or [`prepare_sandbox`]; then serve; [`fatal`] if any of that fails under a kernel.
//!
//! # Reaping
//!
//! Adopted orphans become children, like the processes that the agent started. `wait` for "any child" does not tell
//! them apart, and taking the status of a child that tokio waits for turns that wait into `ECHILD`. tokio waits for exactly
//! the processes it started (by pidfd), never for any. So the reaper must leave those alone and take all others:
//!
//! 1. On SIGCHLD, and once at the start, it asks with `WNOWAIT`, which takes nothing, whether anything has ended.
//! 2. If so it reads from `/proc` which of its children are zombies.
//! 3. It waits for each by number, except those that [`vmbuild_supervise::is_started`] knows.
//!
//! A child is listed in the same step that starts it, and reaper and starter share one thread (the runtime is
//! single-threaded), so there is no moment in which a child exists unlisted. Nor can a number be reused between
//! 2 and 3: a zombie keeps its number until it has been waited for, and nothing else waits for orphans.

mod cmdline;
mod console;
mod deferred;
mod disk;
mod error;
mod modules;
mod mounts;
mod network;
mod port;
mod prepare;
mod reaper;
mod role;

pub use cmdline::{Cmdline, CmdlineError, NetworkMode};
pub use console::log_line;
pub use deferred::DeferredSetup;
pub use error::InitError;
pub use prepare::{PreparedMachine, fatal, prepare, prepare_sandbox, prepare_service};
pub use reaper::spawn_reaper;
pub use role::AgentRole;
