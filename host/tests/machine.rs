//! Sandbox machines with a shell script for an agent: their files, limits, locks and ends.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy knows tests, not their helpers")]

mod tree;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use tree::{Tree, limit, until};
use vmbuild_core::event::{Event, EventKind, Events, Part};
use vmbuild_core::store::{Lock, Store};
use vmbuild_machine::sandbox::{SandboxError, SandboxMachine};
use vmbuild_machine::{
    Lifetime, Machine, MachineError, MachineFolder, MachineRecord, MachineSpec, MachineState, Network, RootTree,
    StartSource, sweep,
};

struct Bench {
    tree: Tree,
    store: Store,
    events: Events,
    heard: tokio::sync::mpsc::UnboundedReceiver<Event>,
}

impl Bench {
    async fn new() -> Option<Self> {
        let tree = Tree::new().await?;
        let store = Store::at(&tree.path("store")).unwrap();
        let (events, heard) = Events::channel();
        Some(Self { tree, store, events, heard })
    }

    fn spec(&self, lifetime: Lifetime, agent: &str) -> MachineSpec {
        let path = self.tree.path("agent");
        fs_err::write(&path, format!("#!/bin/sh\n{agent}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        MachineSpec {
            name: "bench".parse().unwrap(),
            image: "busybox".to_owned(),
            cpus: 1,
            memory_mib: 64,
            network: Network::None,
            lifetime,
            agent: path,
            start: StartSource::Sandbox { root: RootTree { layers: vec![self.tree.path("layer")] } },
        }
    }

    fn folder(&self, spec: &MachineSpec) -> (MachineFolder, Lock) {
        MachineFolder::create(&self.store.machines(), spec.name.clone()).unwrap()
    }

    async fn start(&self, spec: &MachineSpec, folder: &MachineFolder) -> Result<SandboxMachine, SandboxError> {
        SandboxMachine::start(spec, folder, &self.events, &CancellationToken::new()).await
    }

    async fn sweep(&mut self) -> Vec<String> {
        sweep(&self.store, &self.events, &CancellationToken::new()).await.unwrap();
        let mut said = Vec::new();
        while let Ok(event) = self.heard.try_recv() {
            match event.kind {
                EventKind::Note { part: Part::Cleanup, text } | EventKind::Warning { part: Part::Cleanup, text } => {
                    said.push(text);
                }
                // Memory that cannot be limited here is another test's.
                _ => {}
            }
        }
        said
    }
}

fn groups(folder: &MachineFolder) -> Vec<PathBuf> {
    let list = fs_err::read_to_string(folder.file("cgroups")).unwrap_or_default();
    list.lines().map(PathBuf::from).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn the_agent_finds_its_machine_as_described() {
    let Some(mut bench) = Bench::new().await else { return };
    let script =
        "echo $0 $*; hostname; busybox nproc; cd /run/vmbuild/host && echo hello > said; ls /run/vmbuild; exit 4";
    let spec = bench.spec(Lifetime::Job, script);
    let (folder, _owner) = bench.folder(&spec);
    let mut sandbox = bench.start(&spec, &folder).await.unwrap();
    let words = sandbox.exited().await;
    let limit_told = if bench.heard.try_recv().is_ok() { "" } else { " --memory-limit 67108864" };
    let expect = format!(
        "its first process exited with 4:\n\
         /run/vmbuild/agent serve --unix /run/vmbuild/host/agent.sock{limit_told}\nbench\n1\nagent\nhost"
    );
    assert_eq!(words, expect);
    assert_eq!(sandbox.exited().await, expect, "it may be asked again");
    assert_eq!(fs_err::read_to_string(folder.file("socket/said")).unwrap(), "hello\n");
    let groups = groups(&folder);
    sandbox.stop(limit()).await.unwrap();
    assert!(groups.iter().all(|group| !group.exists()), "{groups:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn memory_is_limited_or_the_user_is_told() {
    let Some(mut bench) = Bench::new().await else { return };
    // Two hundred megabytes in the machine's own shared memory.
    let spec =
        bench.spec(Lifetime::Job, "busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=200 && echo plenty; exit 0");
    let (folder, _owner) = bench.folder(&spec);
    let mut sandbox = bench.start(&spec, &folder).await.unwrap();
    let words = sandbox.exited().await;
    sandbox.stop(limit()).await.unwrap();
    let told = bench.heard.try_recv().is_ok();
    assert_ne!(words.contains("plenty"), !told, "{words}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_job_whose_vmbuild_is_gone_is_swept() {
    let Some(mut bench) = Bench::new().await else { return };
    let spec = bench.spec(Lifetime::Job, "sleep 1000 & wait");
    let (folder, owner) = bench.folder(&spec);
    let sandbox = bench.start(&spec, &folder).await.unwrap();
    folder.write_record(&MachineRecord::new(spec, &sandbox, None)).unwrap();
    let groups = groups(&folder);
    assert_eq!(folder.state().unwrap(), MachineState::Running);
    assert_eq!(bench.sweep().await.len(), 0, "in use");

    drop(owner);
    assert_eq!(folder.state().unwrap(), MachineState::Abandoned);
    let said = bench.sweep().await;
    assert_eq!(said, ["removed machine bench: its command was killed"]);
    assert!(!folder.path().exists() && groups.iter().all(|group| !group.exists()));
    let left = fs_err::read_dir(bench.store.machines()).unwrap().count();
    assert_eq!(left, 0);
    drop(sandbox);
}

#[tokio::test(flavor = "current_thread")]
async fn a_half_made_machine_is_swept_and_a_named_one_is_not() {
    let Some(mut bench) = Bench::new().await else { return };
    let spec = bench.spec(Lifetime::Named, "sleep 1000 & wait");
    let (half, owner) = MachineFolder::create(&bench.store.machines(), "half".parse().unwrap()).unwrap();
    drop(owner);
    let (folder, owner) = bench.folder(&spec);
    let sandbox = bench.start(&spec, &folder).await.unwrap();
    let record = MachineRecord::new(spec, &sandbox, None);
    folder.write_record(&record).unwrap();
    drop((owner, sandbox));
    assert_eq!(bench.sweep().await, ["removed machine half: its command was killed"]);
    assert!(!half.path().exists());
    assert_eq!(folder.state().unwrap(), MachineState::Running, "a named machine outlives its command");

    let mut attached = SandboxMachine::attach(&folder, &record).unwrap();
    attached.stop(limit()).await.unwrap();
    assert_eq!(folder.state().unwrap(), MachineState::Stopped);
    assert!(matches!(SandboxMachine::attach(&folder, &record), Err(SandboxError::NotRunning(_))));
    folder.remove(&CancellationToken::new()).await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_that_dies_is_reported_with_its_output() {
    let Some(bench) = Bench::new().await else { return };
    let spec = bench.spec(Lifetime::Job, "echo no luck today >&2; exit 3");
    match Machine::start(spec, &bench.store, &bench.events, &CancellationToken::new()).await {
        Err(MachineError::Died { exit_report, log, .. }) => {
            assert_eq!(exit_report, "its first process exited with 3:\nno luck today");
            assert!(log.is_file(), "to be read until the next command");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn one_name_is_one_machine() {
    let Some(bench) = Bench::new().await else { return };
    let spec = bench.spec(Lifetime::Job, "sleep 1000");
    let (folder, _owner) = bench.folder(&spec);
    let mut first = bench.start(&spec, &folder).await.unwrap();
    assert!(matches!(bench.start(&spec, &folder).await, Err(SandboxError::Running(_))));
    let error = MachineFolder::create(&bench.store.machines(), spec.name.clone()).expect_err("the name is taken");
    assert_eq!(error.to_string(), "machine bench already exists");
    first.stop(limit()).await.unwrap();
    until("the lock", || Lock::try_take(&folder.file("alive.lock")).unwrap().is_some()).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_path_too_long_for_a_socket_is_refused_before_anything_starts() {
    let Some(bench) = Bench::new().await else { return };
    let spec = bench.spec(Lifetime::Job, "sleep 1000");
    let deep = bench.tree.path(&"d".repeat(100));
    fs_err::create_dir(&deep).unwrap();
    let (folder, _owner) = MachineFolder::create(&deep, spec.name.clone()).unwrap();
    assert!(matches!(bench.start(&spec, &folder).await, Err(SandboxError::LongPath { .. })));
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_fails_leaves_nothing() {
    let Some(bench) = Bench::new().await else { return };
    let mut spec = bench.spec(Lifetime::Job, "sleep 1000");
    spec.start = StartSource::Sandbox { root: RootTree { layers: vec![bench.tree.path("no-such-layer")] } };
    let (folder, _owner) = bench.folder(&spec);
    let error = bench.start(&spec, &folder).await.expect_err("no layer");
    assert_eq!(error.to_string(), "failed to start the sandbox");
    until("the groups' end", || groups(&folder).iter().all(|group| !group.exists())).await;
    assert!(Lock::try_take(&folder.file("alive.lock")).unwrap().is_some());
}
