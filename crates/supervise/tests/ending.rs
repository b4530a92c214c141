//! How programs end, and what is left of them then: nothing.

#![expect(clippy::unwrap_used, reason = "helpers of a test panic as tests do")]

use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Child, ChildEnd, ChildLifetime, Command, Deadline, RunError};

/// Longer than any test takes: reaching it is a failure.
const LONG: Duration = Duration::from_mins(1);

fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

/// Starts a script and reads its first line: `ready`, or a process number.
async fn started(script: &str) -> (Child, String) {
    let mut child = shell(script).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.take_stdout().unwrap()).read_line(&mut line).await.unwrap();
    (child, line.trim().to_owned())
}

/// Waits until the process is no more, or nothing but its status.
async fn ends(pid: &str) {
    let stat = PathBuf::from(format!("/proc/{pid}/stat"));
    while std::fs::exists(&stat).unwrap() {
        let mut text = String::new();
        let read = tokio::fs::File::open(&stat).await;
        if let Ok(mut file) = read {
            let _ = file.read_to_string(&mut text).await;
        }
        if text.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn success_gives_the_output_and_failure_the_last_words() {
    let cancel = CancellationToken::new();
    let text = shell("echo out; echo err >&2").output(Deadline::after(LONG), &cancel).await.unwrap();
    assert_eq!(text, b"out\n");

    let mut heard = Vec::new();
    let script = "echo first; echo last >&2; exit 3";
    let failed = shell(script).run(Deadline::after(LONG), &cancel, |bytes| heard.extend_from_slice(bytes)).await;
    let error = failed.unwrap_err().to_string();
    assert!(error.starts_with(&format!("`sh -c '{script}'` exited with 3:\n")), "{error}");
    assert!(error.contains("first") && error.contains("last"), "{error}");
    assert_eq!(heard.len(), "first\nlast\n".len());

    let missing = Command::new("/nowhere/to/be/found").spawn().unwrap_err();
    assert_eq!(missing.to_string(), "failed to start `/nowhere/to/be/found`");
    let signal = shell("kill -9 $$").run(Deadline::after(LONG), &cancel, |_| ()).await.unwrap_err();
    assert_eq!(signal.to_string(), "`sh -c 'kill -9 $$'` was killed by SIGKILL");
}

#[tokio::test]
async fn a_deadline_ends_the_whole_group_and_the_error_has_its_words() {
    let cancel = CancellationToken::new();
    let mut said = Vec::new();
    let script = "sleep 300 & echo $!; echo stuck >&2; wait";
    let run = shell(script).run(Deadline::after(Duration::from_millis(300)), &cancel, |bytes| said.extend(bytes)).await;
    let error = run.unwrap_err();
    assert!(matches!(&error, RunError::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("stuck"), "{error}");
    let text = String::from_utf8(said).unwrap();
    ends(text.lines().find(|line| line.parse::<u32>().is_ok()).unwrap()).await;
}

#[tokio::test]
async fn a_cancel_ends_it() {
    let cancel = CancellationToken::new();
    let when_ready = |_: &[u8]| cancel.cancel();
    let run = shell("echo ready; exec sleep 300").run(Deadline::after(LONG), &cancel, when_ready).await;
    assert!(matches!(run, Err(RunError::Cancelled { .. })), "{run:?}");
}

#[tokio::test]
async fn a_request_to_end_comes_before_force() {
    let (mut polite, _) = started("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done").await;
    assert_eq!(polite.shutdown().await, Some(ChildEnd::Code(7)));
    let (mut stubborn, _) = started("trap '' TERM; echo ready; while :; do sleep 0.01; done").await;
    assert_eq!(stubborn.shutdown().await, Some(ChildEnd::Signal(9)));
}

#[tokio::test]
async fn a_process_left_in_the_group_neither_delays_the_end_nor_outlives_it() {
    let cancel = CancellationToken::new();
    let said = shell("sleep 300 & echo $!").output(Deadline::after(LONG), &cancel).await.unwrap();
    ends(String::from_utf8(said).unwrap().trim()).await;
}

#[tokio::test]
async fn a_process_that_left_the_group_with_the_pipe_does_not_delay_the_end() {
    let cancel = CancellationToken::new();
    let folder = tempfile::tempdir().unwrap();
    let script =
        "setsid sh -c 'echo $$; touch said; exec sleep 300' & while ! [ -e said ]; do sleep 0.01; done; exit 4";
    let mut said = Vec::new();
    let run = shell(script)
        .current_dir(folder.path())
        .run(Deadline::after(LONG), &cancel, |bytes| said.extend_from_slice(bytes))
        .await;
    assert!(matches!(run, Err(RunError::Failed { ended: ChildEnd::Code(4), .. })), "{run:?}");
    let pid: i32 = String::from_utf8(said).unwrap().trim().parse().unwrap();
    // It is ours: it still has the number it printed, and nobody has waited for it.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn all_output_of_a_short_program_arrives() {
    let cancel = CancellationToken::new();
    for _ in 0..20 {
        let said = shell("head -c 200000 /dev/zero").output(Deadline::after(LONG), &cancel).await.unwrap();
        assert_eq!(said.len(), 200_000);
    }
}

#[tokio::test]
async fn dropping_a_child_ends_its_group_and_a_detached_one_lives_on() {
    let (child, grandchild) = started("sleep 300 & echo $!; wait").await;
    drop(child);
    ends(&grandchild).await;

    let mut detached = Command::new("sleep").arg("300").lifetime(ChildLifetime::Detached).spawn().unwrap();
    let pid = nix::unistd::Pid::from_raw(detached.id().unwrap().try_into().unwrap());
    assert_eq!(detached.try_wait().unwrap(), None);
    drop(detached);
    nix::sys::signal::kill(pid, None).expect("it lives on");
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}
