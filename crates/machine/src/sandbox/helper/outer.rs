//! The outer process: makes the namespaces, starts their first process, and ends when that has ended.

use super::channel::{HelperChannel, adopt, close_strangers};
use super::inner;
use crate::Network;
use crate::sandbox::control::{HelperOrder, HelperRefusal, HelperReport, HelperStep, MARKER};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, raise, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use rustix::process::{Resource, Rlimit};
use std::io;
use std::os::fd::OwnedFd;

/// Returns immediately unless this process was started as the outer helper; then it never returns.
pub(in crate::sandbox) fn enter() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != MARKER) {
        return;
    }
    let number = args.next().and_then(|number| number.to_str()?.parse().ok());
    let code = match number.map(HelperChannel::inherit) {
        Some(Ok(channel)) => serve(channel),
        _ => 2,
    };
    #[expect(clippy::exit, reason = "this process is a helper and must not go on to be vmbuild")]
    std::process::exit(code);
}

fn serve(mut channel: HelperChannel) -> i32 {
    match prepare(&mut channel) {
        Ok((order, kept)) => match run(order, channel) {
            Ok(code) => {
                drop(kept);
                code
            }
            Err(()) => 1,
        },
        Err(refusal) => {
            channel.report(&HelperReport::Refused(refusal));
            1
        }
    }
}

/// Up to the point where the namespaces exist and this process is root in them.
fn prepare(channel: &mut HelperChannel) -> Result<(HelperOrder, Vec<OwnedFd>), HelperRefusal> {
    let parent = rustix::process::getppid();
    let order = channel.order().map_err(|error| HelperRefusal::new(HelperStep::Order, "", &error))?;
    let mut known = order.kept.clone();
    known.push(channel.number());
    close_strangers(&known)?;
    let kept = order.kept.iter().map(|&number| adopt(number)).collect::<io::Result<_>>();
    let kept = kept.map_err(|error| HelperRefusal::new(HelperStep::Order, "an inherited lock", &error))?;
    nix::sched::unshare(namespaces(order.enter.network))
        .map_err(|errno| HelperRefusal::new(HelperStep::Unshare, "", &errno.into()))?;
    channel.report(&HelperReport::Ready);
    channel.wait_for_go().map_err(|error| HelperRefusal::new(HelperStep::Order, "", &error))?;
    become_root().map_err(|error| HelperRefusal::new(HelperStep::Identity, "", &error))?;
    if order.bound {
        stay_bound_to(parent).map_err(|error| HelperRefusal::new(HelperStep::Identity, "", &error))?;
    }
    Ok((order, kept))
}

fn namespaces(network: Network) -> CloneFlags {
    let always = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    match network {
        Network::None => always | CloneFlags::CLONE_NEWNET,
        Network::Outgoing => always,
    }
}

/// Root inside: its files, and no groups of the user outside.
fn become_root() -> io::Result<()> {
    let (root, no_group) = (rustix::process::Uid::ROOT, rustix::process::Gid::ROOT);
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(no_group, no_group, no_group)?;
    rustix::thread::set_thread_res_uid(root, root, root)?;
    Ok(())
}

/// Asks again for what `supervise` asked for: the kernel forgets the wish when the user id changes.
fn stay_bound_to(parent: Option<rustix::process::Pid>) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// Starts the first process and waits for it.
fn run(order: HelperOrder, mut channel: HelperChannel) -> Result<i32, ()> {
    let signals = watched();
    let begun = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), None).map_err(io::Error::from).and_then(|()| fork());
    match begun {
        Ok((ForkResult::Child, lifeline)) => {
            let refusal = inner::run(&order, &mut channel, &lifeline);
            channel.report(&HelperReport::Refused(refusal));
            Ok(1)
        }
        Ok((ForkResult::Parent { child }, _lifeline)) => {
            drop((order, channel));
            wait(child, &signals).map_err(drop)
        }
        Err(error) => {
            channel.report(&HelperReport::Refused(HelperRefusal::new(HelperStep::Fork, "", &error)));
            Err(())
        }
    }
}

/// Forks. The parent gets the writing end of a pipe, the child the reading end: it closes with the parent.
fn fork() -> io::Result<(ForkResult, OwnedFd)> {
    let (reading, writing) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    #[expect(unsafe_code, reason = "fork has no safe wrapper")]
    // SAFETY: this process has one thread, so the child's copy of memory is consistent and it may do anything.
    let forked = unsafe { nix::unistd::fork() }?;
    Ok(match forked {
        ForkResult::Child => (forked, reading),
        ForkResult::Parent { .. } => (forked, writing),
    })
}

/// The signals this process waits for instead of dying from them.
fn watched() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Waits for the first process to end. A signal asking this one to end kills it; the kernel then kills the rest,
/// and tells us only when they are gone.
fn wait(child: Pid, signals: &SigSet) -> io::Result<i32> {
    loop {
        if signals.wait()? != Signal::SIGCHLD {
            // It is our own child and has not been waited for: the number is its.
            kill(child, Signal::SIGKILL)?;
        }
        match waitpid(child, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::Exited(_, code) => return Ok(code),
            WaitStatus::Signaled(_, signal, _) => return Ok(die_of(signal)),
            _ => {}
        }
    }
}

/// Ends this process by the same signal, so that whoever waits for it learns the truth.
fn die_of(signal: Signal) -> i32 {
    // A core dump would be this helper's and help nobody.
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    let _ = raise(signal);
    128 + signal as i32
}
