//! Ending what a request's programs started, wherever it went.
//!
//! A process group covers the usual children. A daemon leaves it (`setsid`, double fork), and its parent link
//! leads to process 1 soon after. What it keeps is its environment, so every program of a request carries the
//! request's mark there, and whoever has it belongs to the request. A process that wipes its own environment
//! escapes this; it still ends with the machine.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::time::Duration;

/// The variable that carries the mark.
pub const MARK: &str = "VMBUILD_REQUEST";

/// How often to look again. A process can start another between two looks; it cannot win for ever, because each
/// look kills every one it sees.
const LOOKS: u32 = 100;

/// Kills every process that carries the mark, until none is left.
pub async fn end_marked(mark: &str) {
    for _ in 0..LOOKS {
        if kill_marked(mark) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Sends KILL to every living process with the mark, and says how many there were.
fn kill_marked(mark: &str) -> usize {
    let wanted = format!("{MARK}={mark}");
    let own = rustix::process::getpid();
    let Ok(entries) = fs_err::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let pids = pids.filter_map(Pid::from_raw).filter(|pid| *pid != own);
    pids.filter(|pid| carries(*pid, &wanted) && kill(*pid, &wanted)).count()
}

/// A zombie's environment reads as empty: it is gone for our purpose.
fn carries(pid: Pid, wanted: &str) -> bool {
    let environ = fs_err::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// Kills through a pidfd after looking again: the number may have changed hands since the first look.
fn kill(pid: Pid, wanted: &str) -> bool {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    carries(pid, wanted) && pidfd_send_signal(&handle, Signal::KILL).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{MARK, end_marked, kill_marked};
    use vmbuild_supervise::{Command, Lifetime};

    #[tokio::test]
    async fn a_daemon_is_found_by_its_mark_and_others_are_left_alone() {
        let daemon = |mark: &str| {
            Command::new("sleep").arg("60").env(MARK, mark).lifetime(Lifetime::Detached).spawn().expect("sleep starts")
        };
        let (mut ours, mut other) = (daemon("test-1"), daemon("test-11"));
        end_marked("test-1").await;
        assert!(ours.wait().await.is_ok());
        assert_eq!(kill_marked("test-1"), 0);
        assert_eq!(other.try_wait().expect("it can be asked"), None, "another request's process lives on");
        other.shutdown().await;
    }
}
