//! Machines under a real QEMU.

use super::tiny_guest::{self, GuestEnding, processes_about, qemu_or_skip};
use super::{QemuError, QemuMachine, QemuRecord, end_leftover, files, status};
use crate::BackendRecord;
use crate::{Accelerator, Lifetime, MachineFolder, MachineRecord, MachineSpec, Network, RootDisk, StartSource};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_supervise::Deadline;

/// A place for one machine, and what it is made of.
struct Bench {
    temp: tempfile::TempDir,
    folder: MachineFolder,
    spec: MachineSpec,
}

impl Bench {
    /// A machine whose guest prints `message`; `None`, with the reason said, where QEMU is missing.
    async fn new(lifetime: Lifetime, message: &str, then: GuestEnding) -> Option<Self> {
        Self::under("machines", lifetime, message, then).await
    }

    async fn under(machines: &str, lifetime: Lifetime, message: &str, then: GuestEnding) -> Option<Self> {
        qemu_or_skip().await?;
        let temp = tempfile::tempdir().expect("a temporary folder");
        let place = temp.path().join(machines);
        fs_err::create_dir_all(&place).expect("a folder");
        let (kernel, initramfs) = tiny_guest::write(&place, message, then);
        let disk = place.join("root.ext4");
        fs_err::File::create(&disk).and_then(|file| file.set_len(16 << 20)).expect("a sparse file");
        let spec = spec(lifetime, RootDisk { disk, kernel, initramfs, digest: "one".to_owned() });
        Some(Self { folder: MachineFolder::new(&place, spec.name.clone()), temp, spec })
    }

    async fn start(&self) -> Result<QemuMachine, QemuError> {
        let (events, _heard) = Events::channel();
        QemuMachine::start(&self.spec, &self.folder, &events, &CancellationToken::new()).await
    }

    fn record(&self, qemu: &QemuMachine) -> MachineRecord {
        MachineRecord::new(self.spec.clone(), qemu, None)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// Returns true if the machine's process is gone, by its lock and by its command line.
    fn is_gone(&self) -> bool {
        let alive = self.folder.is_alive().expect("the lock can be looked at");
        !alive && processes_about(self.temp.path()).is_empty()
    }
}

fn spec(lifetime: Lifetime, root: RootDisk) -> MachineSpec {
    MachineSpec {
        name: "tiny".parse().expect("a good name"),
        image: "none".to_owned(),
        cpus: 1,
        memory_mib: 64,
        network: Network::Outgoing,
        lifetime,
        agent: "/none".into(),
        start: StartSource::Qemu { accelerator: Accelerator::Tcg, root },
    }
}

/// QEMU's part of a record.
fn own(record: &MachineRecord) -> QemuRecord {
    let BackendRecord::Qemu(own) = &record.backend else { panic!("a QEMU machine: {record:?}") };
    own.clone()
}

/// A record that differs in QEMU's part.
fn changed(record: &MachineRecord, change: impl FnOnce(&mut QemuRecord)) -> MachineRecord {
    let mut own = own(record);
    change(&mut own);
    MachineRecord { backend: BackendRecord::Qemu(own), ..record.clone() }
}

fn short_deadline() -> Deadline {
    Deadline::after(Duration::from_secs(2))
}

/// Waits until the guest's console prints `message`.
async fn console_shows(console: &Path, message: &str) {
    for _ in 0..600 {
        if fs_err::read_to_string(console).is_ok_and(|text| text.contains(message)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("`{message}` did not appear in {}", console.display());
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs_err::metadata(path).expect("it exists").permissions()) & 0o777
}

/// Returns true if the kernel filters a process's system calls. Source: proc(5), `/proc/<pid>/status`, `Seccomp`.
fn is_filtered(pid: u32) -> bool {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status"));
    !cfg!(target_os = "linux") || status.expect("it runs").lines().any(|line| line == "Seccomp:\t2")
}

#[tokio::test(flavor = "current_thread")]
async fn a_job_machine_starts_reports_its_state_and_stops() {
    let Some(bench) = Bench::new(Lifetime::Job, "hello from the guest", GuestEnding::Hang).await else { return };
    let mut qemu = bench.start().await.unwrap();
    assert_eq!(mode(bench.folder.path()), 0o700);
    assert!(is_filtered(qemu.process().pid), "`-sandbox on` is in force");
    console_shows(&bench.file(files::CONSOLE), "hello from the guest").await;

    let told = status(&bench.folder, &bench.record(&qemu)).await.unwrap();
    assert_eq!((told.running, told.state, told.accelerator), (true, "running", Accelerator::Tcg));
    assert_eq!(told.uuid, qemu.uuid());
    assert_eq!(told.version, qemu_or_skip().await.expect("it was there").version);

    assert!(matches!(bench.start().await, Err(QemuError::Running(_))), "one machine, one QEMU");
    assert!(!bench.is_gone());
    qemu.stop(short_deadline()).await.unwrap();
    assert!(bench.is_gone());
}

#[tokio::test(flavor = "current_thread")]
async fn a_guest_that_powers_off_stops_its_machine_with_an_exit_report() {
    let message = "noise\r\nvmbuild-agent: no disk";
    let Some(bench) = Bench::new(Lifetime::Job, message, GuestEnding::PowerOff).await else { return };
    let mut qemu = bench.start().await.unwrap();
    let last = qemu.exited().await;
    assert_eq!(last, "QEMU exited with 0\nlast console lines:\nvmbuild-agent: no disk");
    qemu.stop(short_deadline()).await.expect("stopping what has ended is no error");
    assert!(bench.is_gone());
}

#[tokio::test(flavor = "current_thread")]
async fn a_qemu_that_ends_at_once_says_why() {
    let Some(bench) = Bench::new(Lifetime::Named, "", GuestEnding::Hang).await else { return };
    let StartSource::Qemu { root, .. } = &bench.spec.start else { panic!("a QEMU machine") };
    fs_err::write(&root.kernel, "no kernel").unwrap();
    let error = bench.start().await.unwrap_err();
    let QemuError::EndedEarly { how, output } = &error else { panic!("{error}") };
    assert_eq!(how, "exited with 1");
    assert!(output.contains("kernel") && !output.contains("$ "), "{output}");
    assert!(error.to_string().ends_with(output), "{error}");
    assert!(bench.is_gone());
}

#[tokio::test(flavor = "current_thread")]
async fn commas_and_depth_of_paths_do_not_matter() {
    let place = format!("a,b=c,,d/{}", "deep".repeat(40));
    let Some(bench) = Bench::under(&place, Lifetime::Job, "here", GuestEnding::Hang).await else { return };
    assert!(bench.file(files::MONITOR).as_os_str().len() > 108);
    let mut qemu = bench.start().await.unwrap();
    console_shows(&bench.file(files::CONSOLE), "here").await;
    qemu.stop(short_deadline()).await.unwrap();
    assert!(bench.is_gone());
}

#[tokio::test(flavor = "current_thread")]
async fn a_named_machine_outlives_its_vmbuild_and_is_found_again() {
    let Some(bench) = Bench::new(Lifetime::Named, "", GuestEnding::Hang).await else { return };
    let started = bench.start().await.unwrap();
    let record = bench.record(&started);
    drop(started);
    assert!(!bench.is_gone());

    let other = changed(&record, |own| own.uuid = uuid::Uuid::from_u128(1).to_string());
    let mut not_ours = QemuMachine::attach(&bench.folder, &other).unwrap();
    let refused = not_ours.stop(Deadline::after(Duration::from_secs(2))).await.unwrap_err();
    assert!(matches!(refused, QemuError::NotOurs { .. }), "{refused}");
    assert!(!bench.is_gone(), "what is not ours is left alone");

    let mut again = QemuMachine::attach(&bench.folder, &record).unwrap();
    assert_eq!((again.process(), again.uuid()), (own(&record).process, own(&record).uuid));
    again.stop(short_deadline()).await.unwrap();
    assert!(bench.is_gone());
    let gone = QemuMachine::attach(&bench.folder, &record).unwrap_err();
    assert!(matches!(gone, QemuError::NotRunning(_)), "{gone}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_leftover_is_ended_after_proof_only() {
    let Some(bench) = Bench::new(Lifetime::Named, "", GuestEnding::Hang).await else { return };
    let started = bench.start().await.unwrap();
    let record = bench.record(&started);
    drop(started);

    let reused = changed(&record, |own| own.process.start_ticks += 1);
    let other = changed(&record, |own| own.uuid = uuid::Uuid::from_u128(1).to_string());
    for doubtful in [reused, other] {
        let refused = end_leftover(&bench.folder, &doubtful, short_deadline()).await.unwrap_err();
        assert!(matches!(refused, QemuError::NotOurs { .. }), "{refused}");
        assert!(!bench.is_gone(), "what is not proved is left alone");
    }

    end_leftover(&bench.folder, &record, short_deadline()).await.unwrap();
    assert!(bench.is_gone());
    end_leftover(&bench.folder, &record, short_deadline()).await.expect("nothing left over is no error");
}

#[tokio::test(flavor = "current_thread")]
async fn a_leftover_that_does_not_answer_is_killed() {
    let Some(bench) = Bench::new(Lifetime::Named, "", GuestEnding::Hang).await else { return };
    let started = bench.start().await.unwrap();
    let record = bench.record(&started);
    drop(started);
    kill(Pid::from_raw(i32::try_from(own(&record).process.pid).unwrap()), Signal::SIGSTOP).unwrap();
    end_leftover(&bench.folder, &record, Deadline::after(Duration::from_millis(300))).await.unwrap();
    assert!(bench.is_gone());
}

#[tokio::test(flavor = "current_thread")]
async fn a_named_machine_keeps_its_disk_and_refuses_another_base() {
    let Some(bench) = Bench::new(Lifetime::Named, "", GuestEnding::Hang).await else { return };
    let mut qemu = bench.start().await.unwrap();
    qemu.stop(short_deadline()).await.unwrap();
    let made = fs_err::metadata(bench.file(files::OVERLAY)).unwrap();
    let mut qemu = bench.start().await.unwrap();
    qemu.stop(short_deadline()).await.unwrap();
    let kept = fs_err::metadata(bench.file(files::OVERLAY)).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&made), std::os::unix::fs::MetadataExt::ino(&kept));

    let StartSource::Qemu { root, .. } = &bench.spec.start else { panic!("a QEMU machine") };
    let other = StartSource::Qemu {
        accelerator: Accelerator::Tcg,
        root: RootDisk { digest: "two".to_owned(), ..root.clone() },
    };
    let other = Bench {
        temp: tempfile::tempdir().unwrap(),
        folder: bench.folder.clone(),
        spec: MachineSpec { start: other, ..bench.spec.clone() },
    };
    let refused = other.start().await.unwrap_err();
    assert!(matches!(refused, QemuError::OtherBase { .. }), "the same file, another digest: {refused}");

    fs_err::OpenOptions::new().write(true).open(&root.disk).and_then(|disk| disk.set_len(17 << 20)).unwrap();
    let refused = bench.start().await.unwrap_err();
    assert!(matches!(refused, QemuError::OtherBase { .. }), "{refused}");
    assert!(bench.is_gone());
}

#[tokio::test(flavor = "current_thread")]
async fn an_interrupted_or_forgotten_start_leaves_nothing() {
    let Some(bench) = Bench::new(Lifetime::Named, "", GuestEnding::Hang).await else { return };
    let (events, _heard) = Events::channel();
    let cancel = CancellationToken::new();
    let running = || !processes_about(bench.temp.path()).is_empty();
    let start = async {
        let started = QemuMachine::start(&bench.spec, &bench.folder, &events, &cancel).await;
        started.map(drop)
    };
    let interrupt = async {
        while !bench.file(files::LOG).exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
    };
    let (started, ()) = tokio::join!(start, interrupt);
    assert!(started.is_err(), "it was interrupted");
    assert!(bench.is_gone());

    let token = CancellationToken::new();
    let mut start = Box::pin(QemuMachine::start(&bench.spec, &bench.folder, &events, &token));
    while !running() {
        let step = tokio::time::timeout(Duration::from_millis(1), &mut start).await;
        assert!(step.is_err(), "QEMU is seen before its monitor has answered");
    }
    drop(start);
    for _ in 0..100 {
        if bench.is_gone() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a start that was dropped left QEMU behind");
}
