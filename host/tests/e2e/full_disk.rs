//! A host whose disk fills up under a running machine.
//!
//! The machine's files lie on a small file system of their own; everything else of the store is the other tests'.

use crate::support::{Ran, Said, root, skip, store, vmbuild};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const NAME: &str = "test-full-disk";
/// The file system's size: a machine asks for 500 MB before it starts.
const SIZE: u64 = 580_000_000;
/// Free space when the disk is nearly full; the guest writes three times as much.
const LEFT: u64 = 20_000_000;
/// How long the machine stays paused at least: its clock falls behind by as much.
const PAUSE: Duration = Duration::from_secs(10);

/// A store whose machines lie on a file system of their own.
struct SmallDisk {
    home: PathBuf,
}

impl SmallDisk {
    /// None if nothing can be mounted here.
    fn mount() -> Option<Self> {
        let disk = Self { home: root().join("target/test-full-disk") };
        disk.end();
        fs_err::create_dir_all(disk.machines()).expect("a folder");
        for shared in ["images", "sources", "cache", "packages"] {
            let link = disk.home.join(shared);
            let _ = fs_err::remove_file(&link);
            std::os::unix::fs::symlink(store().join(shared), link).expect("a link");
        }
        let mounted = tool("mount", &["-t", "tmpfs", "-o", &format!("size={SIZE},mode=0700"), "vmbuild-test"], &disk);
        mounted.then_some(disk)
    }

    fn machines(&self) -> PathBuf {
        self.home.join("machines")
    }

    fn vmbuild(&self, args: &[&str]) -> Command {
        let mut command = vmbuild(args);
        command.env("VMBUILD_HOME", &self.home);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.vmbuild(args).output().expect("vmbuild starts").into()
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.machines()).expect("it is mounted");
        stat.f_bavail * stat.f_frsize
    }

    /// Leaves next to no room. What it returns has to be removed for there to be some again.
    fn fill(&self) -> PathBuf {
        let ballast = self.machines().join("ballast");
        let bytes = usize::try_from(self.free() - LEFT).expect("a small disk");
        fs_err::write(&ballast, vec![1; bytes]).expect("room");
        ballast
    }

    /// Also what an earlier run left when it was killed.
    fn end(&self) {
        if self.machines().join(NAME).is_dir() {
            self.run(&["destroy", NAME]);
        }
        tool("umount", &[], self);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program of the system that is given the folder of the machines.
#[expect(clippy::disallowed_methods, reason = "a test arranges the system it runs on")]
fn tool(name: &str, args: &[&str], disk: &SmallDisk) -> bool {
    let ended = Command::new(name).args(args).arg(disk.machines()).stderr(Stdio::null()).status();
    ended.is_ok_and(|ended| ended.success())
}

#[test]
fn a_machine_is_paused_says_so_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        return skip("a full disk", "a small file system must be mounted for it, which needs root");
    };
    disk.run(&["up", NAME, "--backend", "qemu", "--accel", "tcg", "--cpus", "1", "--memory", "512"]).expect(0);
    let ballast = disk.fill();
    let script =
        format!("yes | head -c {} > /root/big && sync && sleep 3 && date +%s && sha256sum < /root/big", 3 * LEFT);
    let mut writing = disk.vmbuild(&["exec", NAME, "--", "sh", "-c", &script]);
    let mut writing = writing.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vmbuild starts");
    let mut said = Said::of(&mut writing);
    said.wait_for("paused: the host's disk is full");
    let paused = Instant::now();

    let status = disk.run(&["status", "--json"]).expect(0);
    assert!(status.stdout.contains("\"io-error\""), "{}", status.stdout);
    assert!(disk.run(&["status"]).expect(0).stdout.contains("paused: disk full"));
    let refused = disk.run(&["exec", NAME, "--", "true"]).expect(3);
    assert!(refused.stderr.contains("is paused because the host's disk is full"), "{}", refused.stderr);

    let refused = disk.run(&["up", "test-no-room", "--backend", "sandbox"]).expect(3);
    assert!(refused.stderr.contains("not enough disk space in"), "{}", refused.stderr);

    std::thread::sleep(PAUSE.saturating_sub(paused.elapsed()));
    fs_err::remove_file(ballast).expect("it is there");
    said.wait_for("enough disk space is free again");
    let ended: Ran = writing.wait_with_output().expect("it ends").into();
    let ended = ended.expect(0);
    let (clock, sum) = ended.stdout.split_once('\n').expect("two lines");
    let behind = jiff::Timestamp::now().as_second() - clock.parse::<i64>().expect("seconds");
    assert!((-2..8).contains(&behind), "the clock was not set after the pause: {behind} s behind");
    let content = b"y\n".repeat(usize::try_from(3 * LEFT / 2).expect("a small number"));
    let expect = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(content));
    assert!(sum.starts_with(&expect), "nothing is lost: {sum}");

    // Paused while nobody looks: the next command lets it go on.
    woken_by_the_next_command(&disk);
    disk.run(&["destroy", NAME]).expect(0);
}

fn woken_by_the_next_command(disk: &SmallDisk) {
    let ballast = disk.fill();
    let script = format!("yes n | head -c {} > /root/more && sync", 3 * LEFT);
    let mut writing = disk.vmbuild(&["exec", NAME, "--", "sh", "-c", &script]);
    let mut writing = writing.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("vmbuild starts");
    Said::of(&mut writing).wait_for("paused: the host's disk is full");
    writing.kill().expect("it runs");
    writing.wait().expect("it has ended");
    fs_err::remove_file(ballast).expect("it is there");
    disk.run(&["exec", NAME, "--", "true"]).expect(0);
}
