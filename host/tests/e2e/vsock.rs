//! vsock to a virtual machine: what virtio-serial cannot do is serve two commands at once.

use crate::support::{has, machines, run, skip, vmbuild};
use std::process::Stdio;

const NAME: &str = "test-vsock";
const DEVICE: &str = "vhost-device-vsock";

/// The kernel's vsock is tried first, but where it is missing only the device beside QEMU is left.
fn served() -> bool {
    has(DEVICE) || std::path::Path::new("/dev/vhost-vsock").exists()
}

#[test]
fn two_commands_run_at_once() {
    if !served() {
        return skip("two_commands_run_at_once", &format!("no vsock: cargo install --locked {DEVICE}"));
    }
    run(&["destroy", NAME]);
    run(&["up", NAME, "--backend", "qemu", "--accel", "tcg", "--memory", "512"]).expect(0);
    // Each is a race, and the loser's end must not harm the device.
    for _ in 0..20 {
        run(&["exec", NAME, "--", "true"]).expect(0);
    }
    // Each waits for the other.
    let meet = |mine: &str, other: &str| {
        let script = format!("touch /run/{mine}; until [ -e /run/{other} ]; do sleep 0.1; done");
        let mut command = vmbuild(&["exec", NAME, "--timeout", "60", "--", "sh", "-c", &script]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vmbuild starts")
    };
    for ended in [meet("one", "two"), meet("two", "one")].map(std::process::Child::wait_with_output) {
        let ended = ended.expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let machine = machines().into_iter().find(|machine| machine["name"] == NAME).expect("it is listed");
    let ways = [&machine["agent"]["transport"], &machine["agent"]["other_ways"]].map(ToString::to_string);
    assert!(ways.iter().any(|way| way.contains("vsock")), "{ways:?}");
    run(&["destroy", NAME]).expect(0);
}
