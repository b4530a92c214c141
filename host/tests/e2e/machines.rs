//! Named machines: `up`, `exec`, `status`, `halt`, `destroy`, on both backends.

use crate::support::{machines, processes_with, run, store};
use serde_json::Value;
use std::time::{Duration, Instant};

fn named(name: &str) -> Option<Value> {
    machines().into_iter().find(|machine| machine["name"] == name)
}

fn lives(name: &str, backend: &[&str]) {
    let up = [&["up", "--name", name][..], backend].concat();
    run(&["destroy", "--name", name]);
    run(&up).expect(0);

    let uname = run(&["exec", "--name", name, "--", "uname", "-a"]).expect(0);
    assert!(uname.stdout.starts_with("Linux "), "{}", uname.stdout);
    run(&["exec", "--name", name, "--", "sh", "-c", "exit 7"]).expect(7);
    run(&["exec", "--name", name, "--timeout", "1", "--", "sleep", "60"]).expect(1);
    let slept = Instant::now();
    run(&["exec", "--name", name, "--", "sleep", "2"]).expect(0);
    assert!(slept.elapsed() > Duration::from_millis(1900), "the machine's clock runs ahead: {:?}", slept.elapsed());
    let streams = run(&["exec", "--name", name, "--", "sh", "-c", "echo out; echo err >&2"]).expect(0);
    assert_eq!(streams.stdout, "out\n");
    assert!(streams.stderr.contains("err\n"), "{}", streams.stderr);
    run(&["exec", "--name", name, "--", "sh", "-c", "echo kept > /root/kept"]).expect(0);

    let status = named(name).expect("the machine is listed");
    assert_eq!(status["state"], "running");
    assert!(status["agent"]["kernel"].is_string(), "{status}");
    run(&up).expect(0);

    run(&["halt", "--name", name]).expect(0);
    assert_eq!(named(name).expect("a halted machine is listed")["state"], "stopped");
    run(&["exec", "--name", name, "--", "true"]).expect(2);
    run(&up).expect(0);
    let kept = run(&["exec", "--name", name, "--", "cat", "/root/kept"]).expect(0);
    assert_eq!(kept.stdout, "kept\n", "halt keeps the disk");

    run(&["destroy", "--name", name]).expect(0);
    assert_eq!(named(name), None);
    let folder = store().join("machines").join(name);
    assert!(!folder.exists());
    assert_eq!(processes_with(&folder.to_string_lossy()), Vec::<String>::new());
    run(&["destroy", "--name", name]).expect(2);
}

#[test]
fn sandbox_machine_lives_and_dies() {
    lives("test-sandbox", &["--image", "debian-12", "--backend", "sandbox"]);
}

#[test]
fn qemu_machine_lives_and_dies() {
    lives("test-qemu", &["--image", "debian-12", "--backend", "qemu", "--accel", "tcg"]);
}

#[test]
fn qemu_says_which_accelerator_it_uses() {
    let name = "test-accel";
    run(&["destroy", "--name", name]);
    run(&["up", "--name", name, "--backend", "qemu", "--accel", "tcg"]).expect(0);
    let machine = named(name).expect("listed");
    assert_eq!(machine["accelerator"], "tcg");
    assert_eq!(machine["qemu"]["state"], "running", "{machine}");
    assert!(machine["qemu"]["version"].is_string() && machine["agent"]["guest"]["cpus"].is_u64(), "{machine}");
    says_who_won(&machine["agent"]);
    // Whatever a guest's clock says, it is set before anything is asked.
    run(&["exec", "--name", name, "--", "date", "--set=@1000000000"]).expect(0);
    let guest = run(&["exec", "--name", name, "--", "date", "+%s"]).expect(0).stdout;
    let behind = now() - guest.trim().parse::<i64>().expect("seconds");
    assert!((-5..60).contains(&behind), "the guest's clock is {behind} s behind");
    run(&["destroy", "--name", name]).expect(0);
}

/// Of the ways to the agent one has won, and for every other one there is a reason.
fn says_who_won(agent: &Value) {
    let won = agent["transport"].as_str().expect("a way");
    let others = agent["other_ways"].as_array().expect("a list");
    assert!(!others.is_empty(), "there is vsock, or a reason why not: {agent}");
    for other in others {
        assert_ne!(other["transport"].as_str().expect("a way"), won);
        assert!(other["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{other}");
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the sun goes out")
}

#[test]
fn a_big_output_arrives_whole() {
    let name = "test-output";
    run(&["destroy", "--name", name]);
    run(&["up", "--name", name, "--backend", "sandbox"]).expect(0);
    let bytes = run(&["exec", "--name", name, "--", "sh", "-c", "yes 0123456789 | head -c 50000000"]).expect(0);
    assert_eq!(bytes.stdout.len(), 50_000_000);
    run(&["destroy", "--name", name]).expect(0);
}
