//! Exported images, read by the programs they are for: QEMU boots the disk, skopeo and umoci load the container
//! image, Vagrant takes the box, tar lists the archive.

use crate::support::{Ran, has, run, skip};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// True if a disk that boots can be made here.
fn can_boot(test: &str) -> bool {
    let grub = Path::new("/usr/lib/grub/i386-pc/boot.img").is_file();
    if !cfg!(target_arch = "x86_64") || !grub || !has("qemu-system-x86_64") {
        skip(test, "making and booting a disk needs x86_64, grub-pc-bin and QEMU");
        return false;
    }
    true
}

/// Exports, and returns what vmbuild says about it.
fn export(words: &[&str], output: &Path) -> Value {
    let output = output.to_string_lossy();
    let ran = run(&[&["--json", "image", "export", "debian-12"], words, &["--output", &output]].concat()).expect(0);
    ran.events().into_iter().find(|line| line["schema"] == 1).expect("the document")["exported"].clone()
}

/// Runs another program to its end, demanding success.
#[expect(clippy::disallowed_methods, reason = "a test asks an independent program")]
fn other(program: &str, words: &[&str], env: &[(&str, &Path)]) -> Ran {
    let mut command = Command::new(program);
    command.args(words).envs(env.iter().copied()).stdin(Stdio::null());
    Ran::from(command.output().unwrap_or_else(|error| panic!("{program}: {error}"))).expect(0)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A machine that boots the disk with nothing of vmbuild's around it.
struct Machine {
    qemu: std::process::Child,
    lines: mpsc::Receiver<String>,
}

impl Machine {
    #[expect(clippy::disallowed_methods, reason = "plain QEMU, as a person starts it")]
    fn boot(disk: &Path) -> Self {
        let drive = format!("file={},format=qcow2,if=virtio,snapshot=on", disk.display());
        let words = ["-m", "1024", "-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none"];
        let mut command = Command::new("qemu-system-x86_64");
        command.args(words).args(["-drive", &drive]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut qemu = command.spawn().expect("QEMU starts");
        let output = BufReader::new(qemu.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { qemu, lines }
    }

    /// Waits for a line with this text.
    fn wait_for(&self, wanted: &str) {
        let mut seen = String::new();
        while !seen.contains(wanted) {
            match self.lines.recv_timeout(Duration::from_mins(5)) {
                Ok(line) => seen += &(line + "\n"),
                Err(error) => panic!("no `{wanted}` ({error}) after:\n{seen}"),
            }
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.qemu.stdin.as_mut().expect("piped"), "{line}").expect("written");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

#[test]
fn plain_qemu_boots_the_exported_disk_and_equal_machines_give_equal_disks() {
    if !can_boot("plain_qemu_boots_the_exported_disk_and_equal_machines_give_equal_disks") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one.qcow2", "two.qcow2"].map(|name| folder.path().join(name));
    let words = ["--format", "qcow2", "--role", "clean"];
    let exported = export(&words, &one);
    assert_eq!(export(&words, &two)["sha256"], exported["sha256"], "exported twice");
    let left: Vec<_> = fs_err::read_dir(folder.path()).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 2, "nothing else is left: {left:?}");

    let mut machine = Machine::boot(&one);
    machine.wait_for("vmbuild: debian-12 (clean) is up");
    // Said as a sum, so that the echo of the line is not taken for its answer.
    machine.say("echo user-space-$((40+2)) $(. /etc/os-release; echo $ID$VERSION_ID); touch /written && exit");
    machine.wait_for("user-space-42 debian12");
    machine.wait_for("Power down");
    assert!(machine.qemu.wait().expect("ended").success());
}

#[test]
fn the_archive_is_the_whole_tree_and_repeats() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two, build] = ["one.tar", "two.tar", "build.tar.zst"].map(|name| folder.path().join(name));
    let words = ["--format", "rootfs-tar", "--role", "clean"];
    let exported = export(&words, &one);
    assert_eq!(export(&words, &two)["sha256"], exported["sha256"], "exported twice");

    export(&["--format", "rootfs-tar", "--role", "build", "--compress", "zstd"], &build);
    let file = fs_err::File::open(&build).expect("opened");
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let (mut su, mut gcc, mut newest, mut hard_links) = (None, false, 0, 0);
    for entry in archive.entries().expect("entries") {
        let entry = entry.expect("an entry");
        let path = entry.path().expect("a path").into_owned();
        su = su.or((path == Path::new("usr/bin/su")).then(|| entry.header().mode().expect("a mode") & 0o7777));
        gcc |= path == Path::new("usr/bin/gcc");
        hard_links += u32::from(entry.header().entry_type().is_hard_link());
        newest = newest.max(entry.header().mtime().expect("a time"));
    }
    assert_eq!((su, gcc, newest), (Some(0o4755), true, 1_700_000_000));
    assert!(hard_links > 0, "perl has two names for one file");
}

#[test]
fn independent_tools_load_the_container_image() {
    let test = "independent_tools_load_the_container_image";
    if !has("skopeo") || !has("umoci") {
        skip(test, "skopeo and umoci are not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let exported = export(&["--format", "oci", "--role", "clean"], &at("layout"));
    let layout = format!("oci:{}:clean", text(&at("layout")));
    let seen: Value = serde_json::from_str(&other("skopeo", &["inspect", &layout], &[]).stdout).expect("JSON");
    assert_eq!(seen["Digest"], format!("sha256:{}", exported["sha256"].as_str().expect("a digest")));
    assert_eq!((&seen["Os"], &seen["Labels"]["vmbuild.image"]), (&"linux".into(), &"debian-12".into()));
    let copied = format!("dir:{}", text(&at("copied")));
    other("skopeo", &["--insecure-policy", "copy", &layout, &copied], &[]);
    assert!(at("copied").join("manifest.json").is_file());

    let rootless: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--rootless"] };
    let image = format!("{}:clean", text(&at("layout")));
    let bundle = text(&at("bundle"));
    other("umoci", &[&["unpack"], rootless, &["--image", &image, &bundle]].concat(), &[]);
    let release = fs_err::read_to_string(at("bundle/rootfs/etc/os-release")).expect("unpacked");
    assert!(release.contains("ID=debian"), "{release}");

    export(&["--format", "oci", "--role", "clean", "--compress", "zstd"], &at("image.tar"));
    other("skopeo", &["inspect", "--raw", &format!("oci-archive:{}", text(&at("image.tar")))], &[]);
}

#[test]
fn vagrant_takes_the_box() {
    let test = "vagrant_takes_the_box";
    if !can_boot(test) {
        return;
    }
    if !has("vagrant") {
        skip(test, "vagrant is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output: PathBuf = folder.path().join("debian.box");
    export(&["--format", "vagrant-box", "--role", "clean"], &output);
    let home = folder.path().join("home");
    let env = [("VAGRANT_HOME", home.as_path())];
    other("vagrant", &["box", "add", "--name", "vmbuild/debian-12", &text(&output)], &env);
    let list = other("vagrant", &["box", "list"], &env).stdout;
    assert!(list.contains("vmbuild/debian-12") && list.contains("libvirt"), "{list}");
}

#[test]
fn an_export_replaces_nothing_unasked() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("mine.tar");
    fs_err::write(&output, "mine").expect("written");
    let words = ["image", "export", "debian-12", "--format", "rootfs-tar", "--output", &text(&output)];
    let refused = run(&words).expect(2);
    assert!(
        refused.stderr.contains("mine.tar already exists") && refused.stderr.contains("--force"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs_err::read_to_string(&output).expect("read"), "mine");
    let raw = ["image", "export", "debian-12", "--format", "raw", "--compress", "zstd", "--output", "x.raw"];
    let refused = run(&raw).expect(2);
    assert!(refused.stderr.contains("raw does not support compression with zstd"), "{}", refused.stderr);
}
