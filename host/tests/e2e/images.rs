//! Images that come out the same, without an archive.

use crate::support::{run, skip, store, vmbuild};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::store::Store;
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_machine::sandbox::set_helper;

/// Nobody listens on the port "discard".
const NOBODY: &str = "http://127.0.0.1:9/debian";

async fn golden(home: &Path, role: GoldenRole) -> (Golden, PathBuf) {
    let store = Store::at(home).expect("a store");
    let agent = vmbuild_machine::agent_binary::find().expect("an agent");
    let (events, _heard) = Events::channel();
    let cancel = CancellationToken::new();
    let golden = Golden::prepare(&store, "debian-12", role, &agent, &events, &cancel).await;
    (golden.expect("it was made before"), agent)
}

/// Demands equal lists of files, naming those that differ.
fn demand_equal(one: &Path, other: &Path) {
    let read = |path: &Path| fs_err::read_to_string(path).expect("a list of files");
    let (one, other) = (read(one), read(other));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let differing: Vec<_> = lines(&one).symmetric_difference(&lines(&other)).take(40).cloned().collect();
    assert!(differing.is_empty() && one == other, "the trees differ in:\n{}", differing.join("\n"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_making_needs_no_archive_and_gives_the_same_image() {
    let up = |home: &Path| {
        let mut command = vmbuild(&["up", "--name", "made-twice", "--image", "debian-12", "--backend", "sandbox"]);
        command.env("VMBUILD_HOME", home);
        command
    };
    let probe = run(&["doctor"]);
    if probe.stderr.contains("namespaces cannot") {
        skip("a_second_making_needs_no_archive_and_gives_the_same_image", "no namespaces here");
        return;
    }
    let first = up(&store()).output().expect("vmbuild starts");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    run(&["destroy", "--name", "made-twice"]).expect(0);

    let second = store().with_file_name("test-store-again");
    let packages = second.join("packages");
    // What an earlier run left: with owners of its own, so vmbuild deletes it; but not the packages, which are shared.
    let clean = |home: &Path| {
        let _ = fs_err::remove_file(home.join("packages"));
        vmbuild(&["clean", "--all"]).env("VMBUILD_HOME", home).output().expect("vmbuild starts")
    };
    clean(&second);
    Store::at(&second).expect("a store");
    let _ = fs_err::remove_dir_all(&packages);
    std::os::unix::fs::symlink(store().join("packages"), &packages).expect("linked");
    let again = up(&second).env("VMBUILD_DEBIAN_ARCHIVE", NOBODY).output().expect("vmbuild starts");
    let stderr = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && stderr.contains("are all in the cache"), "{stderr}");
    let destroyed = vmbuild(&["destroy", "--name", "made-twice"]).env("VMBUILD_HOME", &second).output();
    assert!(destroyed.expect("vmbuild starts").status.success());

    set_helper(env!("CARGO_BIN_EXE_vmbuild").into());
    for role in [GoldenRole::Clean, GoldenRole::Build] {
        let ((one, _), (other, _)) = (golden(&store(), role).await, golden(&second, role).await);
        let digest = |golden: &Golden| golden.root_digest().expect("a seal").expect("a digest");
        let ((one, list), (other, other_list)) = (digest(&one), digest(&other));
        demand_equal(&list, &other_list);
        assert_eq!(one, other, "{role:?}");
    }
    demand_equal_disks(&second).await;
    clean(&second);
}

async fn demand_equal_disks(second: &Path) {
    let mut disks = Vec::new();
    for home in [store().as_path(), second] {
        let (golden, agent) = golden(home, GoldenRole::Clean).await;
        let (events, _heard) = Events::channel();
        disks.push(golden.disk(&agent, &events, &CancellationToken::new()).await.expect("a disk").disk);
    }
    let compared = vmbuild_supervise::Command::new("cmp").args(&disks);
    let deadline = vmbuild_supervise::Deadline::after(std::time::Duration::from_mins(5));
    compared.run(deadline, &CancellationToken::new(), |_| ()).await.expect("equal trees give equal disks");
}
