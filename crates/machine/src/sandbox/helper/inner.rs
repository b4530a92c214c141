//! The inner process: process 1 of the machine. Builds what it sees, then becomes the program.

use super::channel::HelperChannel;
use super::{mounts, network, root};
use crate::Network;
use crate::sandbox::control::{HelperOrder, HelperRefusal, HelperReport, HelperStep};
use crate::sandbox::{NamespaceCommand, NamespaceRoot};
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

/// Sets everything up and becomes the program. Returns only what went wrong.
pub(super) fn run(order: &HelperOrder, channel: &mut HelperChannel, lifeline: &OwnedFd) -> HelperRefusal {
    if let Err(refusal) = set_up(&order.enter, lifeline) {
        return refusal;
    }
    channel.report(&HelperReport::Started);
    let error = become_program(&order.enter);
    HelperRefusal::new(HelperStep::Exec, order.enter.argv.join(" "), &error)
}

fn set_up(enter: &NamespaceCommand, lifeline: &OwnedFd) -> Result<(), HelperRefusal> {
    die_with_outer(lifeline).map_err(|error| HelperRefusal::new(HelperStep::Fork, "", &error))?;
    rustix::system::sethostname(enter.hostname.as_bytes())
        .map_err(|errno| HelperRefusal::new(HelperStep::Hostname, &enter.hostname, &errno.into()))?;
    if enter.network == Network::None {
        network::bring_loopback_up().map_err(|error| HelperRefusal::new(HelperStep::Loopback, "", &error))?;
    }
    mounts::separate()?;
    match &enter.root {
        NamespaceRoot::Host => root::stay(enter)?,
        NamespaceRoot::Overlay { layers, upper, work } => {
            root::change(enter, layers, upper, work)?;
            give_up_mounting()?;
        }
    }
    rustix::process::chdir(enter.cwd.as_str())
        .map_err(|errno| HelperRefusal::new(HelperStep::Chdir, &enter.cwd, &errno.into()))
}

/// A machine must not undo its read-only mounts: an identity-mapped root may otherwise write the host's sysctls.
/// Without the capability in its bounding set no program in it ever gets it.
fn give_up_mounting() -> Result<(), HelperRefusal> {
    rustix::thread::remove_capability_from_bounding_set(rustix::thread::CapabilitySet::SYS_ADMIN)
        .map_err(|errno| HelperRefusal::new(HelperStep::Capability, "CAP_SYS_ADMIN", &errno.into()))
}

/// Has the kernel kill this process, and with it everything in the machine, when the outer one is gone.
fn die_with_outer(lifeline: &OwnedFd) -> io::Result<()> {
    // A session of its own: nothing inside reaches the terminal vmbuild was started from.
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The outer process may have died before that; its end of the pipe is closed then. Process 1 of a PID
    // namespace cannot tell from its parent's number.
    let mut watched = [PollFd::new(lifeline, PollFlags::IN)];
    poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    if watched[0].revents().is_empty() { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// Becomes the program. Returns only the reason why not.
fn become_program(enter: &NamespaceCommand) -> io::Error {
    match try_become(enter) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn try_become(enter: &NamespaceCommand) -> io::Result<std::convert::Infallible> {
    let argv = strings(enter.argv.iter().cloned())?;
    let env = strings(enter.env.iter().map(|(name, value)| format!("{name}={value}")))?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    // Rust's runtime ignores SIGPIPE, and an ignored signal stays ignored in the program.
    #[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
    // SAFETY: the default disposition runs no code of ours.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    let mut refused = Errno::ENOENT;
    for program in candidates(enter) {
        match nix::unistd::execve(&CString::new(program)?, &argv, &env) {
            Err(Errno::ENOENT) => {}
            Err(errno) => refused = errno,
        }
    }
    Err(refused.into())
}

fn strings(words: impl Iterator<Item = String>) -> io::Result<Vec<CString>> {
    words.map(|word| CString::new(word).map_err(io::Error::other)).collect()
}

/// The paths the program's name may mean: itself, or in every folder of the new environment's `PATH`.
fn candidates(enter: &NamespaceCommand) -> Vec<String> {
    let Some(name) = enter.argv.first() else {
        return Vec::new();
    };
    if name.contains('/') {
        return vec![name.clone()];
    }
    let path = enter.env.iter().find(|(variable, _)| variable == "PATH").map_or("/usr/bin:/bin", |(_, value)| value);
    path.split(':').map(|folder| format!("{folder}/{name}")).collect()
}
