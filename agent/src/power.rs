//! Ending the machine.

use crate::init::{AgentRole, log_line};
use rustix::process::{Signal, kill_process_group};
use std::time::Duration;

/// How long programs have between TERM and KILL when the machine ends.
const GRACE: Duration = Duration::from_millis(500);

/// Ends the machine, after the session has sent its last reply. Under a kernel of its own it stops what still runs,
/// writes everything to disk and powers off. In a sandbox (`is_init`) and as an ordinary process it leaves; with
/// process 1 the kernel ends everything else in the sandbox.
pub(crate) fn end_machine(is_init: bool) -> ! {
    if is_init && AgentRole::detect() == AgentRole::Kernel {
        log_line("powering off");
        stop_everything();
        power_off();
    }
    rustix::fs::sync();
    leave()
}

#[expect(clippy::exit, reason = "the host asked for the end of this process")]
fn leave() -> ! {
    std::process::exit(0)
}

/// Writes everything to disk and powers the machine off. Never returns: where a machine cannot power itself off, it waits
/// until the host ends it.
pub(crate) fn power_off() -> ! {
    rustix::fs::sync();
    // So that the file system is marked clean. Refused while a file is open for writing; `sync` has written it then.
    let _ = rustix::mount::mount_remount("/", rustix::mount::MountFlags::RDONLY, c"");
    if let Err(error) = rustix::system::reboot(rustix::system::RebootCommand::PowerOff) {
        log_line(&format!("failed to power off: {error}"));
    }
    loop {
        std::thread::sleep(Duration::from_hours(1));
    }
}

/// TERM, a moment, KILL to everything but this process.
fn stop_everything() {
    // "All processes" means those of this PID namespace: only process 1 of a kernel of its own may use it.
    if !rustix::process::getpid().is_init() {
        return;
    }
    for signal in [Signal::TERM, Signal::KILL] {
        // `kill(-1)`; it fails only if there is no other process.
        if kill_process_group(rustix::process::Pid::INIT, signal).is_err() {
            return;
        }
        std::thread::sleep(GRACE);
    }
}
