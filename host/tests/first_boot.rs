//! A publisher's disk, really booted: its golden machine, and its boot loader.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows tests, not their helpers; a skip is said on standard output"
)]

mod standin;

use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use vmbuild::event::{Event, Events, Kind};
use vmbuild::image::{BaseDisk, Firmware, FirstBoot, Golden, Image, Role, remove_all, try_boot};
use vmbuild::machine::{Accelerator, Lifetime, Machine, MachineName, MachineSpec, Network, Start};
use vmbuild::store::Store;
use vmbuild_protocol::{CommandLine, Exec, Exited};

struct Bench {
    disk: BaseDisk,
    image: Image,
    store: Store,
    agent: PathBuf,
    events: Events,
    heard: UnboundedReceiver<Event>,
    cancel: CancellationToken,
}

impl Bench {
    /// Everything it takes, in a store of the test's own; or a word about what is missing.
    async fn new(name: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let Some(agent) = std::env::var_os("VMBUILD_AGENT").map(PathBuf::from) else {
            println!("skipped: VMBUILD_AGENT names no static agent");
            return None;
        };
        let path = standin::disk().await?;
        let disk = BaseDisk { sha256: sha256(&path), path, release: "stand-in".to_owned() };
        let store = Store::at(&root.join("target").join(name)).unwrap();
        let cancel = CancellationToken::new();
        remove_all(&store, &cancel).await.unwrap();
        let mut image = Image::find("debian-12").unwrap();
        "standin".clone_into(&mut image.name);
        let (events, heard) = Events::channel();
        Some(Self { disk, image, store, agent, events, heard, cancel })
    }

    async fn golden(&self, role: Role) -> Golden {
        let disk = (&self.disk, Firmware::IfNeeded);
        Golden::prepare_from_disk(&self.store, self.image.clone(), disk, role, &self.agent, &self.events, &self.cancel)
            .await
            .unwrap()
    }

    /// What was said, for the test and for people.
    fn said(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Ok(event) = self.heard.try_recv() {
            said.push(match event.kind {
                Kind::Advanced { phase, line, .. } => format!("{}: {line}", phase.name),
                Kind::Finished { phase, result, took } => {
                    format!("{} finished in {:.1} s: {result}", phase.name, took.as_secs_f64())
                }
                Kind::Chose { what, why, .. } => format!("{what}: {why}"),
                Kind::Note { text, .. } | Kind::Warning { text, .. } => text,
                _ => continue,
            });
        }
        for line in said.iter().filter(|line| line.contains(" finished in ")) {
            println!("{line}");
        }
        said
    }

    /// What a program says in a machine of the golden machine.
    async fn says(&self, start: Start, argv: &[&str]) -> String {
        let spec = MachineSpec {
            name: MachineName::for_job(),
            image: "standin".to_owned(),
            cpus: 2,
            memory_mib: 512,
            network: Network::None,
            lifetime: Lifetime::Job,
            agent: self.agent.clone(),
            start,
        };
        let machine = Machine::start(spec, &self.store, &self.events, &self.cancel).await.unwrap();
        let argv = argv.iter().map(ToString::to_string).collect();
        let command = CommandLine { argv, cwd: "/".to_owned(), env: Vec::new() };
        let mut said = Vec::new();
        let exec = Exec { command, timeout_ms: Some(60_000) };
        let running = machine.session().exec(exec, &self.cancel, |_, bytes| said.extend_from_slice(bytes));
        let ended = machine.ask(running).await.unwrap();
        machine.stop().await.unwrap();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(ended, Exited::Code(0), "{said}");
        said.trim().to_owned()
    }
}

fn sha256(path: &Path) -> String {
    hex::encode(Sha256::digest(fs_err::read(path).unwrap()))
}

#[tokio::test(flavor = "current_thread")]
async fn a_publishers_disk_becomes_a_golden_machine() {
    let Some(mut bench) = Bench::new("test-first-boot").await else { return };
    let golden = bench.golden(Role::Clean).await;
    let said = bench.said();
    for wanted in ["first boot: waiting for kernel", "first boot: waiting for systemd"] {
        assert!(said.iter().any(|line| line.starts_with(wanted)), "{wanted}: {said:#?}");
    }
    assert_eq!(sha256(&bench.disk.path), bench.disk.sha256, "the base is never written to");
    assert_eq!(bench.golden(Role::Clean).await.digest(), golden.digest(), "it is not made twice");
    assert!(bench.said().is_empty(), "nothing was done the second time");
    let left: Vec<_> = fs_err::read_dir(bench.store.machines()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    check_packages(&golden);
    check_tree(&golden.tree().layers[0]);
    let release = bench.says(Start::Sandbox { root: golden.tree() }, &["cat", "/etc/os-release"]).await;
    assert!(release.contains("ID=debian"), "{release}");
    let root = golden.disk(&bench.agent, &bench.events, &bench.cancel).await.unwrap();
    assert_eq!(root.digest, golden.digest(), "two views, one digest");
    let start = Start::Qemu { accelerator: Accelerator::Tcg, root };
    let kernel = bench.says(start, &["uname", "-r"]).await;
    assert!(golden.tree().layers[0].join("lib/modules").join(&kernel).is_dir(), "its own kernel, not {kernel}");
}

/// It had cloud-init before; Tk came with its provisioning.
fn check_packages(golden: &Golden) {
    let packages = fs_err::read_to_string(golden.packages()).unwrap();
    for wanted in ["cloud-init=", "libtk8.6="] {
        assert!(packages.lines().any(|line| line.starts_with(wanted)), "{wanted}: {packages}");
    }
}

fn check_tree(tree: &Path) {
    let text = |name: &str| fs_err::read_to_string(tree.join(name)).unwrap_or_default();
    assert_eq!(text("etc/machine-id"), "");
    assert!(!text("etc/resolv.conf").contains("10.0.2.3"), "the first boot's name server is gone");
    for folder in ["var/log", "var/lib/cloud", "run", "tmp", "proc"] {
        let left: Vec<_> = fs_err::read_dir(tree.join(folder)).map(Iterator::collect).unwrap_or_default();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
    let mut capability = [0; 64];
    let length = rustix::fs::getxattr(tree.join("usr/bin/ping"), "security.capability", &mut capability);
    assert!(length.is_ok_and(|length| length >= 20), "ping may open raw sockets: {length:?}");
    let one = fs_err::metadata(tree.join("usr/bin/perl")).unwrap();
    let links = fs_err::read_dir(tree.join("usr/bin")).unwrap().flatten();
    let same = links.filter(|entry| entry.metadata().is_ok_and(|about| about.ino() == one.ino())).count();
    assert_eq!(u64::try_from(same).unwrap(), one.nlink(), "hard links stay links");
    assert!(one.nlink() > 1, "perl has two names");
}

#[tokio::test(flavor = "current_thread")]
async fn a_boot_loader_leads_to_the_agent_too() {
    let Some(mut bench) = Bench::new("test-boot-loader").await else { return };
    if !Path::new("/usr/share/OVMF/OVMF_CODE_4M.fd").is_file() {
        println!("skipped: no UEFI firmware (package ovmf)");
        return;
    }
    let Bench { store, image, disk, agent, events, cancel, .. } = &bench;
    let order = FirstBoot { store, image, disk, agent, firmware: Firmware::Always, events, cancel };
    let facts = try_boot(order).await.unwrap();
    assert!(facts.kernel.contains("cloud"), "{facts:?}");
    let said = bench.said();
    for wanted in ["firmware", "kernel", "systemd", "cloud-init"] {
        let wanted = format!("first boot: waiting for {wanted}");
        assert!(said.iter().any(|line| line.starts_with(&wanted)), "{wanted}: {said:#?}");
    }
}
