//! `cp`: files into machines and out of them.

use crate::support::{Terminal, root, run};
use std::os::unix::fs::{PermissionsExt, symlink};

/// The same on both backends: the session is all it uses.
fn copies(name: &str, backend: &[&str]) {
    let here = root().join("target/test-copy").join(name);
    let _ = fs_err::remove_dir_all(&here);
    let tree = here.join("tree");
    fs_err::create_dir_all(tree.join("sub")).expect("folders");
    fs_err::write(tree.join("sub/run.sh"), "#!/bin/sh\nexit 5\n").expect("a file");
    fs_err::set_permissions(tree.join("sub/run.sh"), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs_err::write(tree.join("big"), vec![3; 3_000_000]).expect("a file");
    symlink("sub/run.sh", tree.join("link")).expect("a link");
    let path = |name: &str| here.join(name).to_str().expect("a plain name").to_owned();
    let (local, back, file) = (path("tree"), path("back"), path("tree/big"));

    run(&["destroy", name]);
    run(&[&["up", name], backend].concat()).expect(0);
    run(&["cp", &local, &format!("{name}:/root/tree")]).expect(2);
    run(&["cp", "-r", &local, &format!("{name}:tree")]).expect(0);
    run(&["exec", name, "--", "/root/tree/link"]).expect(5);
    let sum = run(&["exec", name, "--", "sha256sum", "/root/tree/big"]).expect(0);
    let expect = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(vec![3; 3_000_000]));
    assert!(sum.stdout.starts_with(&expect), "{}", sum.stdout);
    run(&["cp", "-r", &format!("{name}:tree"), &back]).expect(0);
    assert_eq!(fs_err::read_link(here.join("back/link")).expect("a link").to_str(), Some("sub/run.sh"));
    let mode = fs_err::metadata(here.join("back/sub/run.sh")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert!(fs_err::read(here.join("back/big")).expect("a file") == vec![3; 3_000_000]);
    run(&["cp", &format!("{name}:/no/such"), &back]).expect(2);
    run(&["cp", &file, &format!("{name}:/proc/x")]).expect(3);
    run(&["cp", &file, &back]).expect(2);
    run(&["destroy", name]).expect(0);
}

#[test]
fn cp_in_the_sandbox() {
    copies("test-cp", &["--backend", "sandbox"]);
}

#[test]
fn cp_a_terminal_and_a_larger_disk_under_qemu() {
    copies("test-cp-qemu", &["--backend", "qemu", "--accel", "tcg"]);
    let name = "test-disk";
    run(&["destroy", name]);
    run(&["up", name, "--backend", "qemu", "--accel", "tcg", "--disk", "20G"]).expect(0);
    let free = run(&["exec", name, "--", "df", "--output=size", "-BM", "/"]).expect(0);
    let mib: u64 = free.stdout.lines().nth(1).expect("a line").trim().trim_end_matches('M').parse().expect("a size");
    assert!(mib > 19_000, "{}", free.stdout);
    // The room is real, and outlives a restart.
    let mut terminal = Terminal::new(40, 132);
    let child = terminal.start(&["exec", name, "-t", "--", "sh", "-c", "stty size; exit 6"]);
    terminal.wait_for("40 132");
    assert_eq!(child.end(), Some(6), "a terminal needs nothing but the agent here, too");
    run(&["exec", name, "--", "sh", "-c", "dd if=/dev/zero of=/root/far bs=1M count=64 status=none && sync"]).expect(0);
    run(&["reload", name]).expect(0);
    let size = run(&["exec", name, "--", "stat", "-c", "%s", "/root/far"]).expect(0);
    assert_eq!(size.stdout, "67108864\n");
    run(&["up", name, "--disk", "14G"]).expect(2);
    run(&["destroy", name]).expect(0);
}
