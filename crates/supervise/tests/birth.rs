//! The state in which a program starts, and its ties to the process that started it.

#![expect(clippy::unwrap_used, reason = "helpers of a test panic as tests do")]

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::unistd::Pid;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{ChildLifetime, Command, Deadline};

const LONG: Duration = Duration::from_mins(1);

async fn read(command: Command) -> String {
    let said = command.output(Deadline::after(LONG), &CancellationToken::new()).await.unwrap();
    String::from_utf8(said).unwrap()
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim()
}

#[tokio::test]
async fn no_ignored_or_blocked_signal_is_inherited() {
    #[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
    // SAFETY: ignoring runs no code of ours.
    unsafe { signal(Signal::SIGINT, SigHandler::SigIgn) }.unwrap();
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGUSR1);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None).unwrap();
    let ours = tokio::fs::read_to_string("/proc/thread-self/status").await.unwrap();
    assert_ne!(field(&ours, "SigIgn:"), "0000000000000000", "the test itself must have something to pass on");

    let status = read(Command::new("cat").arg("/proc/self/status")).await;
    for name in ["SigIgn:", "SigBlk:"] {
        let signals = u64::from_str_radix(field(&status, name), 16).unwrap();
        // 32 and 33 belong to the C library, which lets nobody change them.
        assert_eq!(signals & !(0b11 << 31), 0, "{name} {signals:x}");
    }
}

#[tokio::test]
async fn each_program_leads_a_group_of_its_own_and_a_detached_one_a_session() {
    // Fields 1, 5 and 6 of /proc/<pid>/stat: number, group, session.
    let ids = || Command::new("cut").args(["-d", " ", "-f", "1,5,6", "/proc/self/stat"]);
    let split = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let bound = split(read(ids()).await);
    assert_eq!(bound[0], bound[1]);
    assert_ne!(bound[0], bound[2]);
    let detached = split(read(ids().lifetime(ChildLifetime::Detached)).await);
    assert_eq!((&detached[0], &detached[0]), (&detached[1], &detached[2]));
}

#[tokio::test]
async fn nothing_comes_in_unless_given() {
    assert_eq!(read(Command::new("cat")).await, "");
    let environment = read(Command::new("/usr/bin/env").env_clear().env("ONLY", "this")).await;
    assert_eq!(environment, "ONLY=this\n");
}

#[tokio::test]
async fn a_kept_lock_is_held_as_long_as_the_program_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let open = || std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).unwrap();
    let lock = open();
    lock.lock().unwrap();
    let mut child = Command::new("sleep").arg("300").keep_fd(OwnedFd::from(lock)).spawn().unwrap();
    assert!(open().try_lock().is_err(), "only the child holds it now");
    child.shutdown().await;
    open().try_lock().expect("nobody holds it");
}

/// Runs itself a second time as the parent that is going to be killed.
#[tokio::test]
async fn a_bound_program_dies_with_a_killed_parent() {
    const ROLE: &str = "VMBUILD_TEST_IS_PARENT";
    if std::env::var_os(ROLE).is_some() {
        let child = Command::new("sleep").arg("300").spawn().unwrap();
        println!("\nchild {}", child.id().unwrap());
        std::future::pending::<()>().await;
    }
    let this = std::env::current_exe().unwrap();
    let name = "a_bound_program_dies_with_a_killed_parent";
    let mut parent = Command::new(this).args(["--exact", name, "--nocapture"]).env(ROLE, "1").spawn().unwrap();
    let mut lines = BufReader::new(parent.take_stdout().unwrap()).lines();
    let child = loop {
        let line = lines.next_line().await.unwrap().expect("the parent says whom it started");
        if let Some(number) = line.strip_prefix("child ") {
            break Pid::from_raw(number.parse().unwrap());
        }
    };
    assert_eq!(kill(child, None), Ok(()));
    kill(Pid::from_raw(parent.id().unwrap().try_into().unwrap()), Signal::SIGKILL).unwrap();
    parent.wait().await.unwrap();
    // Whoever adopts it may be slow to reap: a zombie is dead too.
    let status = format!("/proc/{child}/status");
    while tokio::fs::read_to_string(&status).await.is_ok_and(|text| !text.contains("State:\tZ")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
