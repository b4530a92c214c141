//! Programs in real namespaces over a tree made of one static busybox.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy knows tests, not their helpers")]

mod tree;

use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use tree::{Tree, limit, output, until};
use vmbuild_core::failure::Diagnose;
use vmbuild_machine::Network;
use vmbuild_machine::sandbox::{BindMount, NamespaceCommand, NamespaceError, NamespaceRoot, set_helper};
use vmbuild_supervise::{ChildEnd, ChildLifetime, Command, RunError};

fn is_alive(pid: u32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; whoever started it has not asked yet.
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_root_alone_and_offline() {
    let Some(tree) = Tree::new().await else { return };
    let check = async |script: &str, expect: &str| assert_eq!(tree.says(script).await, expect, "{script}");
    check("id -u; id -g", "0\n0\n").await;
    check("hostname", "inside\n").await;
    check("echo $$", "1\n").await;
    check("cd /proc && ls -d [0-9]*", "1\n").await;
    check("ls /sys/class/net", "lo\n").await;
    check("cat /sys/class/net/lo/operstate", "unknown\n").await;
    check("echo $WORD; env | busybox wc -l", "x\n4\n").await;
    check("ls /", "bin\ndev\netc\nproc\nrun\nsys\ntmp\n").await;
    check("echo a > /dev/null; echo b > /dev/shm/b; cat /dev/shm/b; ls /dev/pts", "b\nptmx\n").await;
    check("ls /proc/self/fd", "0\n1\n2\n3\n").await;
}

#[tokio::test(flavor = "current_thread")]
async fn changes_land_in_the_upper_folder() {
    let Some(tree) = Tree::new().await else { return };
    tree.says("echo changed > /etc/greeting; touch /new; rm /bin/id; chown 42:42 /new").await;
    assert_eq!(fs_err::read_to_string(tree.path("layer/etc/greeting")).unwrap(), "from the layer\n");
    assert_eq!(fs_err::read_to_string(tree.path("upper/etc/greeting")).unwrap(), "changed\n");
    assert!(tree.path("upper/new").exists() && !tree.path("layer/new").exists());
    let says = tree.says("cat /etc/greeting; ls /bin/id 2>/dev/null || echo gone; stat -c %u:%g /new").await;
    assert_eq!(says, "changed\ngone\n42:42\n", "a second run finds what the first left");
    tree.says("rm /new").await;
    assert!(!tree.path("upper/new").exists(), "nothing else could delete another id's file");
}

#[tokio::test(flavor = "current_thread")]
async fn it_cannot_turn_the_hosts_knobs() {
    let Some(tree) = Tree::new().await else { return };
    let script = "(echo 1 > /proc/sys/vm/drop_caches) 2>/dev/null || echo refused; mount -t tmpfs none /tmp 2>/dev/null || echo refused";
    assert_eq!(tree.says(script).await, "refused\nrefused\n");
}

#[tokio::test(flavor = "current_thread")]
async fn host_paths_are_visible_as_asked() {
    let Some(tree) = Tree::new().await else { return };
    fs_err::create_dir(tree.path("odd, name: \\")).unwrap();
    fs_err::write(tree.path("file"), "shared\n").unwrap();
    let bind = |from: &str, to: &str, writable| BindMount { from: tree.path(from), to: to.to_owned(), writable };
    let script = "cat /run/a/file; (echo x > /run/a/file) 2>/dev/null || echo sealed; echo y > /run/b/made";
    let mut enter = Tree::enter(tree.overlay(), script);
    enter.binds = vec![bind("file", "/run/a/file", false), bind("odd, name: \\", "/run/b", true)];
    assert_eq!(output(&enter).await, "shared\nsealed\n");
    assert_eq!(fs_err::read_to_string(tree.path("odd, name: \\").join("made")).unwrap(), "y\n");
}

#[tokio::test(flavor = "current_thread")]
async fn an_overlay_takes_any_path_and_several_layers() {
    let Some(tree) = Tree::new().await else { return };
    let odd = |name: &str| tree.path(&format!("a:b,c\\d {name}"));
    for name in ["top", "upper", "work"] {
        fs_err::create_dir_all(odd(name)).unwrap();
    }
    fs_err::write(odd("top").join("word"), "uppermost\n").unwrap();
    fs_err::write(tree.path("layer/word"), "lower\n").unwrap();
    let root =
        NamespaceRoot::Overlay { layers: vec![odd("top"), tree.path("layer")], upper: odd("upper"), work: odd("work") };
    assert_eq!(output(&Tree::enter(root, "cat /word")).await, "uppermost\n");
}

#[tokio::test(flavor = "current_thread")]
async fn the_hosts_network_brings_its_names() {
    let Some(tree) = Tree::new().await else { return };
    let Ok(hosts) = fs_err::read_to_string("/etc/hosts") else {
        println!("skipped: no /etc/hosts");
        return;
    };
    std::os::unix::fs::symlink("../run/names/hosts", tree.path("layer/etc/hosts")).unwrap();
    let mut enter = Tree::enter(tree.overlay(), "cat /etc/hosts");
    enter.network = Network::Outgoing;
    assert_eq!(output(&enter).await, hosts, "even through a link into an empty folder");
}

#[tokio::test(flavor = "current_thread")]
async fn over_the_hosts_root_it_may_do_what_root_does() {
    let Some(tree) = Tree::new().await else { return };
    let script = format!(
        "set -e; cd {}; mkdir made root; chown 42:42 made; stat -c %u made; mount --bind made root; \
         mkdir root/proc; mount -t proc proc root/proc; test -e root/proc/1/status; umount root/proc; umount root; \
         echo done; rm -r made root",
        tree.path("").display()
    );
    assert_eq!(output(&Tree::enter(NamespaceRoot::Host, &script)).await, "42\ndone\n");
}

#[tokio::test(flavor = "current_thread")]
async fn ends_are_told_as_they_were() {
    let Some(tree) = Tree::new().await else { return };
    let check = async |script: &str, expect: ChildEnd| {
        let cancel = CancellationToken::new();
        match Tree::enter(tree.overlay(), script).run(limit(), &cancel, |_| ()).await {
            Err(NamespaceError::Run(RunError::Failed { ended, tail, command })) => {
                assert_eq!((ended, tail.last_line()), (expect, "last words"));
                assert!(command.starts_with("sh -c"), "{command}");
            }
            other => panic!("{other:?}"),
        }
    };
    check("echo last words >&2; exit 7", ChildEnd::Code(7)).await;
    check("echo last words; busybox sh -c 'kill -15 $$' 2>/dev/null; exit $?", ChildEnd::Code(143)).await;
}

#[tokio::test(flavor = "current_thread")]
async fn what_fails_inside_is_told_outside() {
    let Some(tree) = Tree::new().await else { return };
    let check = async |change: &dyn Fn(&mut NamespaceCommand), message: &str, hint: &str| {
        let mut enter = Tree::enter(tree.overlay(), "true");
        change(&mut enter);
        let error = enter.spawn(ChildLifetime::BoundToParent, Vec::new()).await.expect_err(message);
        let text = error.to_string().replace(&tree.path("").display().to_string(), "TREE/");
        assert_eq!(text, message);
        assert!(error.hints().first().map_or("", String::as_str).contains(hint), "{:?}", error.hints());
    };
    check(&|enter| enter.argv = vec!["nothing".to_owned()], "failed to start: nothing", "").await;
    check(&|enter| enter.cwd = "/nowhere".to_owned(), "failed to enter the working directory: /nowhere", "").await;
    let missing = |enter: &mut NamespaceCommand| {
        enter.binds = vec![BindMount { from: "/no/such".into(), to: "/x".to_owned(), writable: false }];
    };
    check(&missing, "failed to make a host path visible: /no/such", "").await;
    let upper = |enter: &mut NamespaceCommand| {
        enter.root =
            NamespaceRoot::Overlay { layers: vec![tree.path("layer")], upper: "/proc".into(), work: "/proc".into() };
    };
    check(&upper, "the kernel cannot overlay TREE/layer under /proc on this file system", "VMBUILD_HOME").await;
}

#[tokio::test(flavor = "current_thread")]
async fn dropping_the_child_ends_everything_inside() {
    let Some(tree) = Tree::new().await else { return };
    let inside = sleeper(&tree, ChildLifetime::BoundToParent).await;
    assert!(is_alive(inside.sleep));
    drop(inside.child);
    until("the sleeper's end", || !is_alive(inside.sleep)).await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_orderly_end_leaves_nothing_alive() {
    let Some(tree) = Tree::new().await else { return };
    let mut inside = sleeper(&tree, ChildLifetime::Detached).await;
    assert_eq!(inside.child.shutdown().await, Some(ChildEnd::Signal(9)), "process 1 was killed, and the outer says so");
    assert!(!is_alive(inside.sleep), "gone before the outer process was");
}

#[tokio::test(flavor = "current_thread")]
async fn the_outer_process_holds_the_lock_and_nothing_else() {
    let Some(tree) = Tree::new().await else { return };
    let path = tree.path("lock");
    let lock = vmbuild_core::store::Lock::try_take(&path).unwrap().unwrap();
    let enter = Tree::enter(tree.overlay(), "sleep 1000");
    let mut child = enter.spawn(ChildLifetime::Detached, vec![lock.share().unwrap()]).await.unwrap();
    drop(lock);
    assert!(vmbuild_core::store::Lock::try_take(&path).unwrap().is_none(), "held by the machine");
    let fds = fs_err::read_dir(format!("/proc/{}/fd", child.id().unwrap())).unwrap().count();
    assert_eq!(fds, 5, "three streams, the lock, the first process's lifeline");
    child.shutdown().await;
    assert!(vmbuild_core::store::Lock::try_take(&path).unwrap().is_some(), "free with its end");
}

struct Sleeper {
    child: vmbuild_supervise::Child,
    sleep: u32,
}

/// A sandbox with a process in it that would sleep for long; its number outside.
async fn sleeper(tree: &Tree, lifetime: ChildLifetime) -> Sleeper {
    let word = format!("1000.{}", std::process::id());
    let enter = Tree::enter(tree.overlay(), &format!("sleep {word} & wait"));
    let child = enter.spawn(lifetime, Vec::new()).await.unwrap();
    let mut found = None;
    until("the sleeper", || {
        found = process_with_argument(&word);
        found.is_some()
    })
    .await;
    Sleeper { child, sleep: found.unwrap() }
}

fn process_with_argument(word: &str) -> Option<u32> {
    let of = |entry: &Path| -> Option<u32> {
        let line = fs_err::read(entry.join("cmdline")).ok()?;
        let found = line.starts_with(b"sleep\0") && line.split(|&byte| byte == 0).any(|part| part == word.as_bytes());
        found.then(|| entry.file_name()?.to_str()?.parse().ok()).flatten()
    };
    fs_err::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| of(&entry.path()))
}

/// The whole chain: a process that started a sandbox is killed, and what was inside is gone.
#[tokio::test(flavor = "current_thread")]
async fn killing_vmbuild_ends_everything_inside() {
    let Some(tree) = Tree::new().await else { return };
    let word = format!("2000.{}", std::process::id());
    let enter = Tree::enter(tree.overlay(), &format!("sleep {word} & wait"));
    fs_err::write(tree.path("enter.json"), serde_json::to_string(&enter).unwrap()).unwrap();
    let this = std::env::current_exe().unwrap();
    let command = Command::new(this)
        .args(["--exact", "the_process_that_is_killed", "--nocapture"])
        .env("SANDBOX_TEST_ENTER", tree.path("enter.json"));
    let victim = command.spawn().unwrap();
    let mut sleep = None;
    until("the sleeper", || {
        sleep = process_with_argument(&word);
        sleep.is_some()
    })
    .await;
    drop(victim);
    until("the sleeper's end", || !is_alive(sleep.unwrap())).await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_process_that_is_killed() {
    let Some(path) = std::env::var_os("SANDBOX_TEST_ENTER") else {
        println!("skipped: only a part of another test");
        return;
    };
    set_helper(PathBuf::from(env!("CARGO_BIN_EXE_vmbuild")));
    let enter: NamespaceCommand = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
    let mut child = enter.spawn(ChildLifetime::BoundToParent, Vec::new()).await.unwrap();
    child.wait().await.unwrap();
}
