//! Vagrant as a backend, for real: a box of our own, libvirt, QEMU. Emulated, a first start takes about five minutes, so
//! it is left to the full run.

use crate::build::verdicts;
use crate::lifecycle::answers_through_a_port;
use crate::support::{Ran, machines, root, skip, vmbuild};
use crate::terminal::is_a_login_shell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The box's name, and with it that of what libvirt keeps of it.
const BOX: &str = "vmbuild-test/debian-12";
const NAME: &str = "vagrant-test";

/// An account of libvirt's daemons: those that run, or those that this test starts and ends.
struct Libvirt(Vec<Child>);

impl Libvirt {
    /// Why there is none, otherwise.
    fn find() -> Result<Self, &'static str> {
        if says("virsh", &["-c", "qemu:///system", "version"]) {
            return Ok(Self(Vec::new()));
        }
        if !rustix::process::geteuid().is_root() {
            return Err("libvirtd does not run, and only root may start it");
        }
        let daemons = ["virtlogd", "libvirtd"].map(|name| Path::new("/usr/sbin").join(name));
        if !daemons.iter().all(|daemon| daemon.is_file()) {
            return Err("libvirt-daemon-system is not installed");
        }
        let started = Self(daemons.iter().filter_map(|daemon| quiet(daemon.as_ref()).spawn().ok()).collect());
        for _ in 0..100 {
            if says("virsh", &["-c", "qemu:///system", "version"]) {
                return Ok(started);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("libvirtd does not answer here")
    }
}

impl Drop for Libvirt {
    fn drop(&mut self) {
        // What the box left in libvirt's store, by its name.
        let listed = quiet("virsh".as_ref()).args(["-c", "qemu:///system", "vol-list", "default"]).output();
        let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let ours = listed.split_whitespace().filter(|word| word.starts_with("vmbuild-test-VAGRANTSLASH-"));
        for volume in ours {
            says("virsh", &["-c", "qemu:///system", "vol-delete", "--pool", "default", volume]);
        }
        if self.0.is_empty() {
            return;
        }
        // Its name server would outlive the daemon.
        says("virsh", &["-c", "qemu:///system", "net-destroy", "vagrant-libvirt"]);
        for daemon in self.0.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test uses what is installed")]
fn quiet(program: &std::ffi::OsStr) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn says(program: &str, words: &[&str]) -> bool {
    quiet(program.as_ref()).args(words).status().is_ok_and(|status| status.success())
}

/// Shared by all runs: a Vagrant home with the box in it.
struct Vagrant {
    home: PathBuf,
    _folder: tempfile::TempDir,
    _libvirt: Libvirt,
}

impl Vagrant {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = vmbuild(args);
        command.env("VAGRANT_HOME", &self.home).env("VAGRANT_DEFAULT_PROVIDER", "libvirt");
        // Translation works everywhere, nested or not.
        command.env("VMBUILD_BOX", BOX).env("VMBUILD_DRIVER", "qemu");
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("vmbuild starts").into()
    }
}

/// However a test ends, its machine goes.
impl Drop for Vagrant {
    fn drop(&mut self) {
        if root().join("target/test-store/machines").join(NAME).exists() {
            self.run(&["destroy", NAME]);
        }
    }
}

fn prepare(test: &str) -> Option<Vagrant> {
    let skip = |reason: &str| {
        skip(test, reason);
        None
    };
    if std::env::var("VMBUILD_TEST_FULL").as_deref() != Ok("1") {
        return skip("an emulated machine of Vagrant's takes ten minutes; `make test-full` runs it");
    }
    let grub = Path::new("/usr/lib/grub/i386-pc/boot.img").is_file();
    if !cfg!(target_arch = "x86_64") || !grub {
        return skip("making a box needs x86_64 and grub-pc-bin");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let plugins =
        quiet("vagrant".as_ref()).env("VAGRANT_HOME", &home).stdout(Stdio::piped()).args(["plugin", "list"]).output();
    match plugins {
        Ok(plugins) if String::from_utf8_lossy(&plugins.stdout).contains("vagrant-libvirt") => {}
        Ok(_) => return skip("vagrant-libvirt is not installed"),
        Err(_) => return skip("vagrant is not installed"),
    }
    let libvirt = match Libvirt::find() {
        Ok(libvirt) => libvirt,
        Err(reason) => return skip(reason),
    };
    let file = folder.path().join("debian.box");
    let path = file.to_str().expect("a plain name");
    let vagrant = Vagrant { home, _folder: folder, _libvirt: libvirt };
    let export = ["image", "export", "debian-12", "--format", "vagrant-box", "--compress", "none", "--output", path];
    vagrant.run(&export).expect(0);
    let added =
        quiet("vagrant".as_ref()).env("VAGRANT_HOME", &vagrant.home).args(["box", "add", "--name", BOX, path]).status();
    assert!(added.expect("it starts").success());
    fs_err::remove_file(file).expect("vagrant has its own copy");
    Some(vagrant)
}

#[test]
fn a_machine_of_vagrants_is_like_any_other() {
    let Some(vagrant) = prepare("a_machine_of_vagrants_is_like_any_other") else { return };
    let up = ["up", NAME, "--backend", "vagrant", "--image", "debian-12", "--memory", "1024", "--cpus", "2"];
    vagrant.run(&up).expect(0);
    let ran = vagrant.run(&["exec", NAME, "--", "sh", "-c", "id -u; echo no >&2; exit 7"]).expect(7);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("0\n", "no\n"), "as root, by sudo");
    vagrant.run(&["exec", NAME, "--", "gcc", "--version"]).expect(0);

    let file = vagrant.home.join("file");
    let bytes: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    fs_err::write(&file, &bytes).expect("room");
    let (path, there) = (file.to_str().expect("a plain name"), format!("{NAME}:/root/file"));
    vagrant.run(&["cp", path, &there]).expect(0);
    fs_err::remove_file(&file).expect("it was there");
    vagrant.run(&["cp", &there, path]).expect(0);
    assert!(fs_err::read(&file).expect("copied back") == bytes);

    let state = |machine: &serde_json::Value| machine["state"].as_str().map(str::to_owned);
    let ours = || machines().into_iter().find(|machine| machine["name"] == NAME);
    let shown = ours().expect("it exists");
    assert_eq!((shown["backend"].as_str(), state(&shown).as_deref()), (Some("vagrant"), Some("running")));
    assert_eq!(shown["agent"]["transport"], "ssh");

    is_a_login_shell(NAME);
    answers_through_a_port(NAME);

    // Somebody else in its place.
    let pin = root().join("target/test-store/machines").join(NAME).join("host_key.pub");
    let kept = fs_err::read(&pin).expect("pinned");
    fs_err::write(&pin, include_str!("../../../provision/vagrant/insecure.pub")).expect("written");
    let refused = vagrant.run(&["exec", NAME, "--", "true"]).expect(4);
    assert!(refused.stderr.contains("another host key") && refused.stderr.contains("hint:"), "{}", refused.stderr);
    fs_err::write(&pin, kept).expect("written");

    vagrant.run(&["halt", NAME]).expect(0);
    assert_eq!(ours().as_ref().and_then(state).as_deref(), Some("stopped"));
    vagrant.run(&["exec", NAME, "--", "true"]).expect(2);
    vagrant.run(&["up", NAME]).expect(0);
    let boot = || vagrant.run(&["exec", NAME, "--", "cat", "/proc/sys/kernel/random/boot_id"]).expect(0).stdout;
    let before = boot();
    vagrant.run(&["reload", NAME]).expect(0);
    assert_ne!(boot(), before, "it was started again");
    vagrant.run(&["exec", NAME, "--", "test", "-s", "/root/file"]).expect(0);
    vagrant.run(&["destroy", NAME]).expect(0);
    assert_eq!(ours(), None);
    assert!(!says("sh", &["-c", "virsh -c qemu:///system list --all --name | grep -q vmbuild-vagrant-test-"]));
}

/// Compiling over Vagrant takes most of an hour here; what was compiled in the sandbox is the same plan.
#[test]
fn an_artifact_is_validated_in_a_machine_of_vagrants() {
    let Some(vagrant) = prepare("an_artifact_is_validated_in_a_machine_of_vagrants") else { return };
    let artifacts = vagrant.home.join("artifacts").to_string_lossy().into_owned();
    let build = ["build", "3.13.5", "--image", "debian-12", "--profile", "smoke", "--artifacts", &artifacts, "--json"];
    vagrant.run(&[&build[..], &["--backend", "sandbox"]].concat()).expect(0);
    let ran = vagrant.run(&[&build[..], &["--backend", "vagrant", "--memory", "1024"]].concat()).expect(0);
    assert_eq!(verdicts(&ran), ["PASS"; 11]);
    assert!(!says("sh", &["-c", "virsh -c qemu:///system list --all --name | grep -q vmbuild-job-"]));
}

#[test]
fn what_vagrant_refuses_is_told_with_the_way_out() {
    let test = "what_vagrant_refuses_is_told_with_the_way_out";
    let folder = tempfile::tempdir().expect("a folder");
    let installed = quiet("vagrant".as_ref()).env("VAGRANT_HOME", folder.path()).arg("--version").status();
    if installed.is_err() {
        return skip(test, "vagrant is not installed");
    }
    let mut up = vmbuild(&["up", "vagrant-refused", "--backend", "vagrant", "--image", "debian-12"]);
    up.env("VAGRANT_HOME", folder.path()).env("VAGRANT_DEFAULT_PROVIDER", "no-such-provider");
    let refused = Ran::from(up.output().expect("vmbuild starts"));
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("`vagrant up` failed: ") && refused.stderr.contains("no-such-provider"),
        "{}",
        refused.stderr
    );
    let accel = vmbuild(&["up", "vagrant-refused", "--backend", "vagrant", "--accel", "tcg"]).output();
    Ran::from(accel.expect("vmbuild starts")).expect(2);
    // What was begun is swept away by the next command.
    assert!(machines().iter().all(|machine| machine["name"] != "vagrant-refused"));
}
