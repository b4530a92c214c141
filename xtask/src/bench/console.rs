//! QEMU without vmbuild: from its start to a given text on its serial console.

use crate::workspace::{TaskError, Workspace};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use vmbuild_supervise::{Child, Command};

/// Time limit for a guest. A distribution's own start takes a minute when it is emulated on a busy host.
const PATIENCE: Duration = Duration::from_mins(5);

/// Seconds: wall clock, and QEMU's processor time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct ConsoleCost {
    pub(super) wall: f64,
    pub(super) processor: f64,
}

/// A machine with a console, only the devices named, one processor and 512 MB.
pub(super) fn qemu(workspace: &Workspace, board: &[&str]) -> Command {
    let fixed = ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "qemu64", "-m", "512M", "-nodefaults"];
    let silent = ["-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"];
    workspace.program("qemu-system-x86_64").args(board).args(fixed).args(silent)
}

/// Starts it, waits until it has written `words`, and ends it.
pub(super) async fn until(command: Command, words: &str) -> Result<ConsoleCost, TaskError> {
    let since = Instant::now();
    let mut child = command.stderr(std::process::Stdio::inherit()).spawn()?;
    let said = tokio::time::timeout(PATIENCE, hear(&mut child, words.as_bytes())).await.unwrap_or(false);
    let cost = child.id().map(|pid| processor_seconds(u64::from(pid)));
    let wall = since.elapsed().as_secs_f64();
    child.shutdown().await;
    match (said, cost) {
        (true, Some(processor)) => Ok(ConsoleCost { wall, processor: processor? }),
        _ => Err(TaskError::Silent("qemu-system-x86_64")),
    }
}

/// Returns true once `words` appear, false at the end of output. A prompt has no line break.
async fn hear(child: &mut Child, words: &[u8]) -> bool {
    let Some(mut console) = child.take_stdout() else { return false };
    let mut heard = Vec::new();
    while let Ok(1..) = console.read_buf(&mut heard).await {
        if heard.windows(words.len()).any(|window| window == words) {
            return true;
        }
        // What has been looked through; the words may begin at its end.
        heard.drain(..heard.len().saturating_sub(words.len()));
    }
    false
}

/// A process's time in user and kernel mode. Source: proc(5), `/proc/<pid>/stat`, fields 14 and 15, in ticks of 10 ms.
pub(super) fn processor_seconds(pid: u64) -> Result<f64, TaskError> {
    seconds(&fs_err::read_to_string(format!("/proc/{pid}/stat"))?, 11)
}

/// The same of all children that this process has waited for: fields 16 and 17.
pub(super) fn children_seconds() -> Result<f64, TaskError> {
    seconds(&fs_err::read_to_string("/proc/self/stat")?, 13)
}

/// Sums two fields of ticks; `first` counts from the state.
fn seconds(stat: &str, first: usize) -> Result<f64, TaskError> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<u32> =
        rest.split_ascii_whitespace().skip(first).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    match ticks[..] {
        [user, kernel] => Ok(f64::from(user + kernel) / 100.0),
        _ => Err(TaskError::Silent("/proc")),
    }
}

#[cfg(test)]
mod tests {
    use super::{hear, processor_seconds, seconds};
    use vmbuild_supervise::Command;

    #[test]
    fn processor_time_is_counted() {
        assert!(processor_seconds(std::process::id().into()).expect("it is ours") >= 0.0);
        assert!(processor_seconds(u64::from(u32::MAX)).is_err());
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 20 30 20 0 1";
        for (first, expect) in [(11, "2.00"), (13, "0.50")] {
            assert_eq!(format!("{:.2}", seconds(stat, first).expect("two fields")), expect);
        }
        assert!(seconds("7 (a", 11).is_err());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_prompt_is_heard_across_reads_and_an_end_is_none() {
        for (script, expect) in
            [("printf 'noise\\nlog'; sleep 0.2; printf 'in: '; sleep 9", true), ("echo logout", false)]
        {
            let mut child = Command::new("sh").args(["-c", script]).spawn().expect("a shell");
            assert_eq!(hear(&mut child, b"login: ").await, expect, "{script}");
            child.shutdown().await;
        }
    }
}
