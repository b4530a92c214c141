//! Ending all descendants of a request's programs, wherever they went.
//!
//! A process group covers the usual children. A daemon leaves it (`setsid`, double fork), and its parent link
//! leads to process 1 soon after. But it keeps its environment, so every program of a request carries the
//! request's mark there, and whoever has it belongs to the request. A process that wipes its own environment
//! escapes this; it still ends with the machine.

use crate::failure::failure;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, pidfd_open, pidfd_send_signal, waitid};
use std::time::Duration;
use vmbuild_protocol::{FailureKind, RequestFailure};

/// The variable that carries the mark.
pub const MARK: &str = "VMBUILD_REQUEST";

/// How often to scan. A process can start another between two scans, but not for ever, because each scan kills every
/// one that it sees. A process that the kernel cannot end (it waits for a dead disk) stays.
const MAX_SCANS: u32 = 1000;

/// Kills every process that carries the mark, until no such process is left. Fails if some do not end within ten seconds.
///
/// That is so once a scan has found no such process and could judge every one, or once two scans in a row have found none:
/// a process in the middle of `execve` has no environment for a moment.
pub async fn end_marked(mark: &str) -> Result<(), RequestFailure> {
    if is_alone() {
        return Ok(());
    }
    let mut was_clear = false;
    for _ in 0..MAX_SCANS {
        let scan = kill_marked(mark);
        let is_clear = scan.killed == 0;
        if is_clear && (was_clear || scan.unsure == 0) {
            return Ok(());
        }
        was_clear = is_clear;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(failure(FailureKind::Io, "processes that the request started survived SIGKILL"))
}

/// Returns whether nothing that was started here is alive. Process 1 of a machine or of a namespace is the ancestor of
/// all its programs, and adopts those whose parents die: without a child it is alone. That spares a scan of the
/// kernel's threads, which takes an emulated guest longer than most programs.
fn is_alone() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    getpid().is_init() && matches!(waitid(WaitId::All, look), Err(Errno::CHILD))
}

/// Result of a scan of all processes.
#[derive(Debug, Default, PartialEq, Eq)]
struct ProcessScan {
    /// Had the mark, and were killed.
    killed: usize,
    /// Had no environment to judge them by.
    unsure: usize,
}

/// Sends KILL to every living process with the mark.
fn kill_marked(mark: &str) -> ProcessScan {
    let wanted = format!("{MARK}={mark}");
    let own = getpid();
    let mut scan = ProcessScan::default();
    let Ok(entries) = fs_err::read_dir("/proc") else { return scan };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids.filter_map(Pid::from_raw).filter(|pid| *pid != own) {
        match carries(pid, &wanted) {
            Some(true) => scan.killed += usize::from(kill(pid, &wanted)),
            Some(false) => {}
            None => scan.unsure += usize::from(has_programs(pid)),
        }
    }
    scan
}

/// Returns whether the process has the mark; none if it has no environment.
fn carries(pid: Pid, wanted: &str) -> Option<bool> {
    let environ = fs_err::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    let marked = || environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes());
    (!environ.is_empty()).then(marked)
}

/// Returns whether a process can belong to a request: not a zombie, nor a thread of the kernel. Both have no environment
/// for good. Source: proc(5), `/proc/<pid>/stat`; `PF_KTHREAD` of Linux, `include/linux/sched.h`.
fn has_programs(pid: Pid) -> bool {
    const KERNEL_THREAD: u32 = 0x0020_0000;
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name before it can hold anything, a parenthesis too.
    let Some((_, rest)) = stat.rsplit_once(')') else { return false };
    let mut fields = rest.split_ascii_whitespace();
    let (state, flags) = (fields.next(), fields.nth(5).and_then(|flags| flags.parse::<u32>().ok()));
    state != Some("Z") && flags.is_none_or(|flags| flags & KERNEL_THREAD == 0)
}

/// Kills through a pidfd after looking again: the number may have changed hands since the first look.
fn kill(pid: Pid, wanted: &str) -> bool {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    carries(pid, wanted) == Some(true) && pidfd_send_signal(&handle, Signal::KILL).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{MARK, end_marked, has_programs, kill_marked};
    use vmbuild_supervise::{ChildLifetime, Command};

    #[tokio::test]
    async fn a_daemon_is_found_by_its_mark_and_others_are_left_alone() {
        let daemon = |mark: &str| {
            Command::new("sleep")
                .arg("60")
                .env(MARK, mark)
                .lifetime(ChildLifetime::Detached)
                .spawn()
                .expect("sleep starts")
        };
        let (mut ours, mut other) = (daemon("test-1"), daemon("test-11"));
        end_marked("test-1").await.expect("it ends");
        assert!(ours.wait().await.is_ok());
        assert_eq!(kill_marked("test-1").killed, 0);
        assert_eq!(other.try_wait().expect("it can be asked"), None, "another request's process lives on");
        other.shutdown().await;
    }

    #[tokio::test]
    async fn many_that_went_their_own_ways_all_end() {
        // A double fork, a new session, an ignored TERM; and one that lives in a loop of short-lived others.
        let script = "(setsid sleep 300 &) ; (trap '' TERM; sleep 300 &) ; \
                      (setsid sh -c 'while :; do sleep 0.01; done' &) ; exit 0";
        let mut child = Command::new("sh").args(["-c", script]).env(MARK, "test-many").spawn().expect("a shell starts");
        child.wait().await.expect("it ends");
        assert!(kill_marked("test-many").killed > 0, "they outlived their parent");
        end_marked("test-many").await.expect("they end");
        assert_eq!(kill_marked("test-many").killed, 0);
        assert!(has_programs(rustix::process::getpid()));
    }
}
