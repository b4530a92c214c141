//! Reaping processes whose parents died. The parent module describes how orphans are distinguished from the agent's own children.

use super::console::log_line;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, getpid, waitid, waitpid};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Adopts the orphans of everything started from now on, and reaps them until the runtime ends. Call it inside
/// the runtime, before the first program is started.
pub fn spawn_reaper() {
    // Process 1 adopts orphans anyway; for any other this makes the kernel hand them here instead.
    if let Err(error) = rustix::process::set_child_subreaper(Some(getpid())) {
        log_line(&format!("cannot adopt orphans: {error}"));
    }
    match signal(SignalKind::child()) {
        // The one detached task: it has no end of its own.
        Ok(ended) => drop(tokio::spawn(reap_for_ever(ended))),
        Err(error) => log_line(&format!("cannot reap orphans: {error}")),
    }
}

async fn reap_for_ever(mut ended: Signal) {
    loop {
        reap();
        if ended.recv().await.is_none() {
            return;
        }
        // The starter takes its child first, which mostly saves a scan of all processes.
        tokio::task::yield_now().await;
    }
}

fn reap() {
    if !anything_ended() {
        return;
    }
    for pid in zombies() {
        let is_own = u32::try_from(pid.as_raw_nonzero().get()).is_ok_and(vmbuild_supervise::is_started);
        if !is_own {
            // An error means that it is gone already.
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

fn anything_ended() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, look), Ok(Some(_)))
}

/// The agent's children that have ended and were not waited for.
fn zombies() -> Vec<Pid> {
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&number| is_our_zombie(number)).filter_map(Pid::from_raw).collect()
}

fn is_our_zombie(number: i32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    parse_stat(&stat) == Some(('Z', getpid().as_raw_nonzero().get()))
}

/// State and parent of a `/proc/<pid>/stat` line. The program's name stands in parentheses and can itself hold
/// blanks and parentheses.
fn parse_stat(line: &str) -> Option<(char, i32)> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut words = rest.split_ascii_whitespace();
    let state = words.next()?.chars().next()?;
    Some((state, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_stat;

    #[test]
    fn a_stat_line_gives_state_and_parent() {
        let cases = [
            ("12 (cat) R 7 12 7 0 -1", Some(('R', 7))),
            ("12 (a) Z 3 (b) Z 1 12 7", Some(('Z', 1))),
            ("12 (sd-pam (x)) S 44 1", Some(('S', 44))),
            ("", None),
            ("12 (cat)", None),
        ];
        for (line, expect) in cases {
            assert_eq!(parse_stat(line), expect, "{line}");
        }
    }
}
