//! A host that runs out of memory under a running machine.
//!
//! Its whole memory cannot be taken for a test. So `vmbuild` sees a `/proc/meminfo` of ours, in mounts of its own.

use crate::support::{Said, root, run, skip, through, vmbuild};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAME: &str = "test-scarce-memory";

/// `vmbuild` with `meminfo` in the kernel's place. unshare(1) is of util-linux, an essential package.
fn under(meminfo: &Path, args: &[&str]) -> Command {
    let script = "mount --bind \"$0\" /proc/meminfo && exec \"$@\"";
    through("unshare", &["--mount", "sh", "-c", script, &meminfo.to_string_lossy()], &vmbuild(args))
}

fn has(meminfo: &Path, mib: u64) {
    fs_err::write(meminfo, format!("MemTotal: 8000000 kB\nMemAvailable: {} kB\n", mib * 1024)).expect("a file");
}

fn meminfo() -> PathBuf {
    let file = root().join("target/test-meminfo");
    has(&file, 4000);
    file
}

#[test]
fn people_hear_of_it_while_there_is_something_to_be_done() {
    let meminfo = meminfo();
    if !under(&meminfo, &["--version"]).output().is_ok_and(|ended| ended.status.success()) {
        return skip("scarce memory", "a file must be mounted over /proc/meminfo, which needs root");
    }
    run(&["destroy", NAME]);
    run(&["up", NAME, "--backend", "sandbox"]).expect(0);
    let mut sleeping = under(&meminfo, &["exec", NAME, "--", "sleep", "12"]);
    let mut sleeping = sleeping.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("vmbuild starts");
    let mut said = Said::of(&mut sleeping);
    has(&meminfo, 120);
    said.wait_for("low memory: 120 MiB available on this host; the kernel may kill the machine");
    assert!(sleeping.wait().expect("it ends").success());
    run(&["destroy", NAME]).expect(0);
}
