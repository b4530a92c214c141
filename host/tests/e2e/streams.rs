//! Standard streams that take no more: bytes are never lost without a word.

use crate::support::{Ran, processes_with, run, vmbuild};
use std::io::Read;
use std::process::{Command, Stdio};

fn full() -> fs_err::File {
    fs_err::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it")
}

fn refused(mut command: Command) -> Ran {
    Ran::from(command.stdout(full().into_parts().0).output().expect("vmbuild starts")).expect(3)
}

#[test]
fn our_own_data_are_not_lost() {
    let check = |args: &[&str]| {
        let stderr = refused(vmbuild(args)).stderr;
        assert!(stderr.contains("cannot write to standard output"), "{args:?}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{args:?}: {stderr}");
        assert!(!stderr.contains("store"), "the store has nothing to do with it: {args:?}: {stderr}");
    };
    check(&["status"]);
    check(&["status", "--json"]);
    check(&["list", "--json"]);
    check(&["versions"]);
    check(&["versions", "--json"]);
    check(&["config"]);
    check(&["completions", "bash"]);
    check(&["--help"]);
    check(&["up", "--help"]);
    check(&["--version"]);
    check(&["image", "list"]);
}

#[test]
fn an_error_that_standard_output_refuses_is_told_on_standard_error() {
    let mut command = vmbuild(&["--json", "exec", "nobody", "--", "true"]);
    let ran = Ran::from(command.stdout(full().into_parts().0).output().expect("vmbuild starts")).expect(2);
    assert!(ran.stderr.contains("nobody") && ran.stderr.contains("cannot write to standard output"), "{}", ran.stderr);
}

#[test]
fn a_reader_of_our_own_data_may_leave() {
    for args in [&["versions", "--json"][..], &["--help"], &["completions", "zsh"], &["status"]] {
        let mut child = vmbuild(args).stdout(Stdio::piped()).spawn().expect("vmbuild starts");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_guest_programs_output_is_not_lost() {
    let name = "test-streams";
    run(&["destroy", name]);
    run(&["up", name, "--backend", "sandbox"]).expect(0);
    for args in [
        &["exec", name, "--", "echo", "hi"][..],
        &["exec", "-i", name, "--", "echo", "hi"],
        &["ssh", name, "--", "echo", "hi"],
    ] {
        let stderr = refused(vmbuild(args)).stderr;
        assert!(stderr.contains("cannot write to standard output"), "{args:?}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{args:?}: {stderr}");
    }
    let mut of_errors = vmbuild(&["exec", name, "--", "sh", "-c", "echo hi >&2; exec sleep 1231"]);
    assert_eq!(of_errors.stderr(full().into_parts().0).status().expect("vmbuild starts").code(), Some(3));
    for args in
        [&["exec", name, "--", "yes", "yes-of-streams"][..], &["exec", "-i", name, "--", "yes", "yes-of-streams"]]
    {
        let mut child = vmbuild(args).stdout(Stdio::piped()).spawn().expect("vmbuild starts");
        let mut reader = child.stdout.take().expect("piped");
        reader.read_exact(&mut [0; 4]).expect("it writes");
        drop(reader);
        assert_eq!(child.wait().expect("it ends").code(), Some(141), "{args:?}");
    }
    // Nothing of a sandbox is hidden from its host.
    assert_eq!(processes_with("yes-of-streams"), Vec::<String>::new());
    assert_eq!(processes_with("sleep 1231"), Vec::<String>::new());
    run(&["destroy", name]).expect(0);
}
