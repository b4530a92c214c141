//! `exec -i`, `exec -t` and `ssh`: the host's side on a real pseudo-terminal.

use crate::support::{Terminal, run, vmbuild};
use std::io::Write;
use std::process::Stdio;

/// A sandbox machine for one test.
struct Machine(&'static str);

impl Machine {
    fn up(name: &'static str) -> Self {
        run(&["destroy", name]);
        run(&["up", name, "--backend", "sandbox"]).expect(0);
        Self(name)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        run(&["destroy", self.0]);
    }
}

#[test]
fn exec_t_is_a_real_terminal() {
    let machine = Machine::up("test-tty");
    let name = machine.0;
    let mut terminal = Terminal::new(33, 101);
    let before = terminal.mode();

    let script = "stty size; trap 'stty size; exit 7' WINCH; echo ready; while :; do sleep 0.1; done";
    let child = terminal.start(&["exec", name, "-t", "--", "sh", "-c", script]);
    terminal.wait_for("33 101\r\nready");
    assert_ne!(terminal.mode(), before, "raw while the program has it");
    terminal.resize(44, 122);
    terminal.wait_for("44 122");
    assert_eq!(child.end(), Some(7));
    assert_eq!(terminal.mode(), before, "restored after an ordinary end");

    let child = terminal.start(&["exec", name, "-t", "--", "sh", "-c", "echo ready2; exec sleep 300"]);
    terminal.wait_for("ready2");
    terminal.type_in("\x03");
    assert_eq!(child.end(), Some(130), "Ctrl-C reached the guest's program");
    assert_eq!(terminal.mode(), before);

    let child = terminal.start(&["exec", name, "-t", "--", "/no/such/program"]);
    assert_eq!(child.end(), Some(1));
    assert_eq!(terminal.mode(), before, "restored after an error");

    let child = terminal.start(&["exec", name, "-t", "--", "sh", "-c", "echo ready3; exec sleep 300"]);
    terminal.wait_for("ready3");
    child.signal(rustix::process::Signal::TERM);
    assert_eq!(child.end(), Some(130), "interrupted from outside");
    assert_eq!(terminal.mode(), before, "restored after a signal");
}

#[test]
fn ssh_is_a_login_shell() {
    let machine = Machine::up("test-ssh");
    is_a_login_shell(machine.0);
    run(&["exec", machine.0, "-t", "--", "true"]).expect(2);
}

/// On a terminal, and without one: a shell that reads its commands.
pub(crate) fn is_a_login_shell(name: &str) {
    let mut terminal = Terminal::new(24, 80);
    let child = terminal.start(&["ssh", name]);
    terminal.type_in("echo $((40+2))$TERM\r");
    terminal.wait_for("42vt100");
    terminal.type_in("exit 9\r");
    assert_eq!(child.end(), Some(9));
    let mut child = vmbuild(&["ssh", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("piped").write_all(b"echo piped; exit 3\n").expect("it reads");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(3), &b"piped\n"[..]));
}

#[test]
fn exec_i_passes_bytes_on_unchanged() {
    let machine = Machine::up("test-stdin");
    let bytes: Vec<u8> = (0..9_000_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let arguments = ["exec", machine.0, "-i", "--", "sh", "-c", "cat; exit 4"];
    let mut child = vmbuild(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("vmbuild starts");
    let (mut stdin, question) = (child.stdin.take().expect("piped"), bytes.clone());
    let typing = std::thread::spawn(move || stdin.write_all(&question));
    let ended = child.wait_with_output().expect("it ends");
    typing.join().expect("no panic").expect("all of it was read");
    assert_eq!(ended.status.code(), Some(4));
    assert!(ended.stdout == bytes, "{} bytes came back", ended.stdout.len());
}
