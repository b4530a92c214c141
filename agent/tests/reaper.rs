//! Reaping, in a process of its own: who reaps must not share its process with others that start programs from
//! other threads.

#![expect(clippy::unwrap_used, reason = "helpers of a test panic as tests do")]

use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use vmbuild_agent::init::spawn_reaper;
use vmbuild_supervise::{ChildEnd, Command};

/// Starts a program that leaves an orphan behind and exits with 7. Returns the orphan's folder in `/proc`.
async fn leave_an_orphan() -> PathBuf {
    let script = "(sleep 0.1 >/dev/null & echo $!); exit 7";
    let mut child = Command::new("sh").args(["-c", script]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    child.take_stdout().unwrap().read_to_string(&mut line).await.unwrap();
    assert_eq!(child.wait().await.unwrap(), ChildEnd::Code(7));
    Path::new("/proc").join(line.trim())
}

async fn is_gone(process: &Path) -> bool {
    for _ in 0..1000 {
        if !process.exists() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test(flavor = "current_thread")]
async fn orphans_are_reaped_and_own_children_are_not() {
    spawn_reaper();
    // Ended long before anybody waits for it, and first in the kernel's list.
    let mut slow = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
    let slow_stat = format!("/proc/{}/stat", slow.id().unwrap());
    for _ in 0..3 {
        let orphan = leave_an_orphan().await;
        assert!(is_gone(&orphan).await, "{} was not reaped", orphan.display());
    }
    let stat = fs_err::read_to_string(slow_stat).unwrap();
    assert!(stat.contains(") Z "), "the reaper took a child that somebody still waits for: {stat}");
    assert_eq!(slow.wait().await.unwrap(), ChildEnd::Code(3));
}
