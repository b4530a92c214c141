//! Hosts that come, go and die in the middle of a word, and agents that do: 1,000 reconnects to one running virtual
//! machine and 200 restarts, without one hang. What is counted:
//!
//! * Reconnects: connections to the machine's virtio-serial port, the way that has no connection state. One in ten
//!   leaves in the middle of a flood of output, one in ten after half a frame, one in ten without a word; the others
//!   say hello, ping and leave. Between them twenty `vmbuild exec` are killed with SIGKILL in the middle of a flood.
//! * Restarts: 190 of the agent's process, killed with SIGKILL in the middle of a session, and ten of a sandbox
//!   machine by `halt` and `up`. Virtual machines are restarted by the tests of their life.
//!
//! A hang is a deadline that passes, far above what an answer takes on a busy host.

use crate::support::{root, run, skip, store, vmbuild};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use vmbuild_guest::{Session, SessionOpening, Transport, connect};
use vmbuild_protocol::{CommandLine, Exec};
use vmbuild_supervise::{Command, Deadline};

const RECONNECTS: usize = 1000;
const KILLED: usize = 20;
const AGENT_RESTARTS: usize = 190;
const MACHINE_RESTARTS: usize = 10;

/// After this an answer is a hang.
const HANG: Duration = Duration::from_mins(1);

async fn open(transport: &Transport) -> Session {
    let pipe = connect(transport).await.expect("somebody listens");
    let session = Session::open(pipe, SessionOpening::Again, Deadline::after(HANG), &CancellationToken::new()).await;
    session.expect("the agent answers")
}

async fn alive(transport: &Transport) {
    let answer = tokio::time::timeout(HANG, async { open(transport).await.ping().await });
    answer.await.expect("no hang").expect("a round trip");
}

/// Leaves in the middle of a flood.
async fn leave_in_a_flood(transport: &Transport) {
    let (session, cancel) = (open(transport).await, CancellationToken::new());
    let command = CommandLine { argv: vec!["yes".to_owned()], env: Vec::new(), cwd: "/".to_owned() };
    let flood = session.exec(Exec { command, timeout_ms: None }, &cancel, |_, _| ());
    let _ = tokio::time::timeout(Duration::from_millis(30), flood).await;
}

/// Leaves after the head of a frame that would be a megabyte long.
async fn leave_in_a_frame(transport: &Transport) {
    let mut pipe = connect(transport).await.expect("somebody listens");
    let head = [0xb1, 0x56, 2, 0, 1, 0, 0, 0, 0, 0, 0x0f, 0, 1, 2, 3, 4, 5, 6];
    pipe.write_all(&head).await.expect("room");
}

async fn reconnect(transport: &Transport, round: usize) {
    match round % 10 {
        3 => leave_in_a_flood(transport).await,
        5 => leave_in_a_frame(transport).await,
        7 => drop(connect(transport).await.expect("somebody listens")),
        _ => alive(transport).await,
    }
}

/// Runs what waits for another program, while this one still closes what it has let go of.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

fn kill_in_a_flood(name: &str) {
    let mut flood = vmbuild(&["exec", "--name", name, "--", "yes"]);
    let mut flood = flood.stdout(std::process::Stdio::piped()).spawn().expect("vmbuild starts");
    let mut some = vec![0; 100_000];
    flood.stdout.take().expect("a pipe").read_exact(&mut some).expect("a flood");
    flood.kill().expect("it runs");
    flood.wait().expect("it has ended");
}

/// Nobody comes after the host that was killed, and its program ends all the same.
fn what_the_last_host_asked_for_ends(name: &str) {
    let script = "echo begun; while :; do touch /root/alive; sleep 0.1; done";
    let mut asking = vmbuild(&["exec", "--name", name, "--", "sh", "-c", script]);
    let mut asking = asking.stdout(std::process::Stdio::piped()).spawn().expect("vmbuild starts");
    asking.stdout.take().expect("a pipe").read_exact(&mut [0; 5]).expect("it has begun");
    asking.kill().expect("it runs");
    asking.wait().expect("it has ended");
    std::thread::sleep(Duration::from_secs(8));
    let age = "echo $(($(date +%s) - $(stat -c %Y /root/alive)))";
    let age = run(&["exec", "--name", name, "--", "sh", "-c", age]).expect(0).stdout;
    assert!(age.trim().parse::<u32>().is_ok_and(|seconds| seconds >= 3), "it ran on: {age}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_thousand_hosts_come_and_go() {
    let name = "test-reconnects";
    run(&["destroy", "--name", name]);
    run(&["up", "--name", name, "--backend", "qemu", "--accel", "tcg", "--cpus", "1", "--memory", "512"]).expect(0);
    let transport = Transport::VirtioSerial(store().join("machines").join(name).join("agent.sock"));
    let (since, mut slowest) = (Instant::now(), (Duration::ZERO, 0));
    for round in 0..RECONNECTS {
        let begin = Instant::now();
        let done = tokio::time::timeout(HANG, reconnect(&transport, round)).await;
        assert!(done.is_ok(), "reconnect {round} hangs");
        slowest = slowest.max((begin.elapsed(), round));
        if round % (RECONNECTS / KILLED) == 0 {
            beside(move || kill_in_a_flood(name)).await;
        }
    }
    let (all, (slowest, round)) = (since.elapsed(), slowest);
    let _ = writeln!(std::io::stdout(), "{RECONNECTS} in {all:.1?}; the slowest, number {round}, took {slowest:.1?}");
    alive(&transport).await;
    beside(move || what_the_last_host_asked_for_ends(name)).await;
    run(&["destroy", "--name", name]).expect(0);
}

fn agent_binary() -> PathBuf {
    let named = std::env::var_os("VMBUILD_AGENT").map(PathBuf::from);
    named.unwrap_or_else(|| root().join("target/release/vmbuild-agent"))
}

/// Starts the agent, uses it, and kills it in the middle of a flood.
async fn restart_agent(agent: &Path, socket: &Path) {
    let mut agent = Command::new(agent).args(["serve", "--unix"]).arg(socket).spawn().expect("the agent starts");
    let transport = Transport::Unix(socket.to_owned());
    // The socket of its predecessor is there still, and nobody listens on it.
    while connect(&transport).await.is_err() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let session = open(&transport).await;
    let (command, cancel) = (["yes"].map(str::to_owned).to_vec(), CancellationToken::new());
    let command = CommandLine { argv: command, env: Vec::new(), cwd: "/".to_owned() };
    let flood = session.exec(Exec { command, timeout_ms: None }, &cancel, |_, _| ());
    let _ = tokio::time::timeout(Duration::from_millis(10), flood).await;
    agent.signal_group(nix::sys::signal::Signal::SIGKILL);
    agent.wait().await.expect("it has ended");
    assert!(session.ping().await.is_err(), "a dead agent's session is over, not silent");
}

#[tokio::test(flavor = "current_thread")]
async fn two_hundred_restarts() {
    let agent = agent_binary();
    if !agent.is_file() {
        skip("two_hundred_restarts", "no static agent: `cargo xtask agent` builds it");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..AGENT_RESTARTS {
        let done = tokio::time::timeout(HANG, restart_agent(&agent, &folder.path().join("agent.sock"))).await;
        assert!(done.is_ok(), "restart {round} hangs");
    }
    let name = "test-restarts";
    run(&["destroy", "--name", name]);
    for _ in 0..MACHINE_RESTARTS {
        run(&["up", "--name", name, "--backend", "sandbox"]).expect(0);
        run(&["exec", "--name", name, "--", "true"]).expect(0);
        run(&["halt", "--name", name]).expect(0);
    }
    run(&["destroy", "--name", name]).expect(0);
}
