//! A publisher's image, from its signed checksums on a server to machines that run: the publisher is ours, the image a
//! stand-in (`standin`), and nothing else is different.

use crate::standin;
use crate::support::{Ran, root, skip, vmbuild};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vmbuild_testkit::gpg::{Gpg, GpgTime};
use vmbuild_testkit::http_server::{HttpServer, ServedFile, ServerBehavior};

const OWNER: &str = "Publisher <publisher@example.org>";
const RELEASE: &str = "releases/release-20260705";

/// A publisher and its user, who has a store of their own.
struct World {
    folder: tempfile::TempDir,
    server: HttpServer,
    sha256: String,
}

impl World {
    /// Nothing, and a word about it, where something is missing.
    async fn new() -> Option<Self> {
        let disk = fs_err::read(standin::disk().await?).expect("the stand-in");
        let (gpg, folder, server) = (Gpg::new()?, tempfile::tempdir().expect("a folder"), HttpServer::start().await);
        let sha256 = hex::encode(Sha256::digest(&disk));
        let sums = format!("{sha256} *disk.img\n");
        gpg.key(OWNER, "1y", GpgTime::Now).await;
        fs_err::write(folder.path().join("key.asc"), gpg.public(OWNER).await).expect("written");
        let signature = gpg.sign(OWNER, sums.as_bytes(), GpgTime::Now).await;
        server.serve(&format!("{RELEASE}/SHA256SUMS"), sums.as_bytes(), ServerBehavior::Normal);
        server.serve(&format!("{RELEASE}/SHA256SUMS.gpg"), &signature, ServerBehavior::Normal);
        // The first answer breaks off.
        let behavior = ServerBehavior::CutOnce(disk.len() / 2);
        server.put(&format!("{RELEASE}/disk.img"), ServedFile { body: disk.into(), behavior, etag: None });
        Some(Self { folder, server, sha256 })
    }

    /// The user's description of the image.
    fn describe(&self, name: &str, boot: &str) -> PathBuf {
        let (base, key) = (self.server.base(), self.folder.path().join("key.asc"));
        let text = format!(
            r#"schema = 1
name = "standin"
artifact_word = "standin"
packages = "debian-12"

[source]
kind = "cloud-image"
release = "20260705"
format = "qcow2"
folder = "{base}/releases/release-{{release}}"
sums = "SHA256SUMS"
signature = {{ kind = "detached", file = "SHA256SUMS.gpg", keyring = "{}" }}
boot = "{boot}"

[source.newest]
folder = "{base}/releases"
entry = "release-{{release}}/"

[source.file.{}]
name = "disk.img"
digest = "sha256:{}"

[kernel]
modules = ["virtio_pci", "virtio_blk", "virtio_console", "virtio_net", "ext4"]
"#,
            key.display(),
            std::env::consts::ARCH,
            self.sha256
        );
        let path = self.folder.path().join(name);
        fs_err::write(&path, text).expect("written");
        path
    }

    /// Runs the program in the user's store, while the server answers.
    async fn run(&self, args: &[&str]) -> Ran {
        let mut command = vmbuild(args);
        command.env("VMBUILD_HOME", store());
        let ended = tokio::task::spawn_blocking(move || command.output().expect("vmbuild starts"));
        Ran::from(ended.await.expect("no panic"))
    }

    async fn says(&self, image: &Path, backend: &[&str], argv: &[&str]) -> String {
        let up = [&["up", "--name", "test-standin", "--memory", "512", "--image", text(image)], backend].concat();
        self.run(&up).await.expect(0);
        let said = self.run(&[&["exec", "--name", "test-standin", "--"], argv].concat()).await.expect(0).stdout;
        self.run(&["destroy", "--name", "test-standin"]).await.expect(0);
        said.trim().to_owned()
    }
}

fn store() -> PathBuf {
    root().join("target/test-cloud-image")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// Events of the run, a line each, with durations.
fn told(ran: &Ran) -> Vec<String> {
    let word = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let events = ran.events();
    for ended in events.iter().filter(|event| event["event"] == "finished") {
        println!("{ended}");
    }
    events
        .iter()
        .map(|event| ["phase", "line", "text", "what", "result"].map(|name| word(event, name)).join(" "))
        .collect()
}

#[track_caller]
fn check_told(told: &[String], wanted: &[&str]) {
    for wanted in wanted {
        assert!(told.iter().any(|line| line.contains(wanted)), "{wanted}: {told:#?}");
    }
}

fn golden(ran: &Ran, role: &str) -> Value {
    let document = ran.events().into_iter().find(|line| line["schema"] == 1).expect("one document");
    let all = document["golden"].as_array().expect("golden machines").clone();
    all.into_iter().find(|one| one["role"] == role).expect("of this role")
}

#[tokio::test(flavor = "current_thread")]
async fn a_publishers_image_becomes_machines() {
    let test = "a_publishers_image_becomes_machines";
    let Some(world) = World::new().await else { return };
    world.run(&["destroy", "--name", "test-standin"]).await;
    if store().is_dir() {
        world.run(&["clean", "--all"]).await.expect(0);
        let _ = fs_err::remove_dir_all(store().join("locks"));
    }
    let image = world.describe("image.toml", "if-needed");
    let refused = world.run(&["image", "build", text(&image), "--locked"]).await.expect(2);
    assert!(refused.stderr.contains("--update-lock"), "{}", refused.stderr);
    let locks = store().join("locks");
    let build = ["--json", "image", "build", text(&image), "--update-lock", text(&locks)];
    let built = world.run(&build).await.expect(0);
    check_told(&told(&built), &["waiting for kernel", "waiting for systemd"]);
    let asked: Vec<_> = world.server.asked().into_iter().filter(|asked| asked.contains("disk.img")).collect();
    assert!(asked.len() == 2 && asked[1].contains(" from "), "a broken download goes on where it broke: {asked:?}");
    let left: Vec<_> = fs_err::read_dir(store().join("machines")).expect("listed").collect();
    assert!(left.is_empty(), "{left:?}");
    let clean = golden(&built, "clean");
    check_packages(&clean);
    check_tree(tree(&clean));

    let release = world.says(&image, &["--backend", "sandbox"], &["cat", "/etc/os-release"]).await;
    assert!(release.contains("ID=debian"), "{release}");
    let kernel = world.says(&image, &["--backend", "qemu", "--accel", "tcg"], &["uname", "-r"]).await;
    assert!(tree(&clean).join("lib/modules").join(&kernel).is_dir(), "its own kernel, not {kernel}");
    let again = world.run(&["--json", "image", "build", text(&image)]).await.expect(0);
    assert_eq!(golden(&again, "clean")["digest"], clean["digest"], "it is not made twice");
    assert_eq!(again.events_of("started"), Vec::<Value>::new());

    if !Path::new("/usr/share/OVMF/OVMF_CODE_4M.fd").is_file() {
        skip(test, "no UEFI firmware (package ovmf): the image's boot loader is not tried");
        return;
    }
    // The publisher is gone: the disk and the packages are in their caches.
    let other = world.describe("other.toml", "always");
    world.server.remove(&format!("{RELEASE}/disk.img"));
    let built = world.run(&["--json", "image", "build", text(&other), "--locked"]).await.expect(0);
    check_told(&told(&built), &["waiting for firmware", "waiting for cloud-init", "not asking an archive"]);
    for role in ["clean", "build"] {
        demand_equal(&golden(&again, role), &golden(&built, role));
    }
}

/// Two first boots with one lock, started in two ways, give the same tree. What differs is named.
fn demand_equal(one: &Value, other: &Value) {
    let list = |golden: &Value| {
        let packages = Path::new(golden["package_list"].as_str().expect("a path"));
        let list = packages.with_file_name(format!("tree-{}.txt", golden["role"].as_str().expect("a role")));
        fs_err::read_to_string(list).expect("a list").lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let differing: Vec<_> = list(one).symmetric_difference(&list(other)).take(40).cloned().collect();
    assert!(differing.is_empty(), "the trees differ in:\n{}", differing.join("\n"));
    assert_eq!(one["root_digest"], other["root_digest"]);
}

fn tree(golden: &Value) -> &Path {
    let layers = golden["tree"].as_array().expect("layers");
    Path::new(layers[0].as_str().expect("a path"))
}

/// It had cloud-init before; Tk came with its provisioning, and so says the lock.
fn check_packages(golden: &Value) {
    let list = fs_err::read_to_string(golden["package_list"].as_str().expect("a path")).expect("a list");
    for wanted in ["cloud-init=", "libtk8.6="] {
        assert!(list.lines().any(|line| line.starts_with(wanted)), "{wanted}: {list}");
    }
    let lock = store().join("locks").join(format!("standin-{}.toml", std::env::consts::ARCH));
    let lock = fs_err::read_to_string(lock).expect("a lock");
    for (wanted, named) in [("libtk8.6", true), ("gcc", true), ("cloud-init", false)] {
        assert_eq!(lock.contains(&format!("name = \"{wanted}\"")), named, "{wanted}: {lock}");
    }
}

fn check_tree(tree: &Path) {
    let text = |name: &str| fs_err::read_to_string(tree.join(name)).unwrap_or_default();
    assert_eq!(text("etc/machine-id"), "");
    assert!(!text("etc/resolv.conf").contains("10.0.2.3"), "the first boot's name server is gone");
    for folder in ["var/log", "var/lib/cloud", "var/cache/vmbuild", "run", "tmp", "proc"] {
        let left: Vec<_> = fs_err::read_dir(tree.join(folder)).map(Iterator::collect).unwrap_or_default();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
    let mut capability = [0; 64];
    let length = rustix::fs::getxattr(tree.join("usr/bin/ping"), "security.capability", &mut capability);
    assert!(length.is_ok_and(|length| length >= 20), "ping may open raw sockets: {length:?}");
    let one = fs_err::metadata(tree.join("usr/bin/perl")).expect("perl");
    let links = fs_err::read_dir(tree.join("usr/bin")).expect("listed").flatten();
    let same = links.filter(|entry| entry.metadata().is_ok_and(|about| about.ino() == one.ino())).count();
    assert_eq!(u64::try_from(same).expect("few"), one.nlink(), "hard links stay links");
    assert!(one.nlink() > 1, "perl has two names");
}
