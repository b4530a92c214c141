//! The build role's layer: what the toolchain and the development packages add to the clean tree.
//!
//! The agent installs them in a sandbox over the clean tree, the way it will work in every later machine. What
//! the sandbox wrote is kept; a build then sees layer over tree.

use super::folder::{Folder, UNFINISHED};
use super::{Image, ImageError, Role, host_tool};
use crate::event::{Events, Part, Unit};
use crate::guest::{Session, connect};
use crate::machine::sandbox::Sandbox;
use crate::machine::{Lifetime, MachineFolder, MachineName, MachineSpec, Network, RootTree, Start};
use crate::store::Store;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Provision;
use vmbuild_supervise::{Deadline, Tail};

/// A sandbox's agent answers within a second.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the sandbox's processes have to end.
const STOP: Duration = Duration::from_secs(10);

/// How often a line of the package manager's output is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(250);

/// What is no part of an installation: run-time state, caches, logs, and what the sandbox put into `etc`.
/// Removing a name from the layer lets the clean tree's own show again.
const STRIPPED: [&str; 17] = [
    "dev",
    "proc",
    "run",
    "sys",
    "tmp",
    "root",
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/resolv.conf",
    "var/cache/apt",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/cache/ldconfig",
    "var/lib/apt/lists",
    "var/lib/dpkg/status-old",
    "var/log",
];

/// Makes `build-layer/` in a sealed golden machine. The caller holds the lock, and seals the layer.
pub(super) async fn make(
    store: &Store,
    image: &Image,
    folder: &Folder,
    agent: &Path,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let name = format!("{UNFINISHED}build-layer");
    provision_layer(store, image, folder, agent, &name, events, cancel).await?;
    let layer = folder.path().join(&name);
    let names: Vec<&str> = STRIPPED.into_iter().filter(|name| layer.join(name).symlink_metadata().is_ok()).collect();
    if !names.is_empty() {
        host_tool::remove(&layer, &names, cancel).await?;
    }
    if folder.layer().exists() {
        // Without a seal it is what a killed vmbuild left between this rename and the seal.
        host_tool::remove(folder.path(), &["build-layer"], cancel).await?;
    }
    Ok(fs_err::rename(layer, folder.layer())?)
}

/// Installs the image's packages in a sandbox over the clean tree, and keeps what was written as `name`.
async fn provision_layer(
    store: &Store,
    image: &Image,
    folder: &Folder,
    agent: &Path,
    name: &str,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let lists = image.lists()?;
    let packages: Vec<String> = lists.toolchain.into_iter().chain(lists.cpython).collect();
    let running = events.phase(Part::Golden, "provision", format!("{} packages", packages.len()));
    let spec = spec(image, folder, agent);
    let machine = Installer::start(&spec, store, events, cancel).await?;
    let mut tail = Tail::default();
    let mut shown = Instant::now();
    let provision = Provision { manager: lists.manager, packages };
    let installed = machine.session.provision(provision, cancel, |_, bytes| {
        tail.push(bytes);
        if shown.elapsed() >= SHOWN_EVERY {
            shown = Instant::now();
            running.advance(0, None, Unit::Lines, tail.last_line());
        }
    });
    let installed = installed.await.map(|packages| packages.len());
    let kept = installed.is_ok().then(|| folder.path().join(name));
    machine.stop(kept.as_deref()).await?;
    running.finish(format!("{} packages installed", installed?));
    Ok(())
}

fn spec(image: &Image, folder: &Folder, agent: &Path) -> MachineSpec {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    MachineSpec {
        name: MachineName::for_job(),
        image: image.name.clone(),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        memory_mib: 2048,
        network: Network::Outgoing,
        lifetime: Lifetime::Job,
        agent: agent.to_owned(),
        start: Start::Sandbox { root: RootTree { layers: folder.layers(Role::Clean) } },
    }
}

/// The machine that installs packages.
#[derive(Debug)]
struct Installer {
    folder: MachineFolder,
    sandbox: Sandbox,
    session: Session,
}

impl Installer {
    async fn start(
        spec: &MachineSpec,
        store: &Store,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, ImageError> {
        let folder = MachineFolder::new(&store.machines(), spec.name.clone());
        fs_err::create_dir(folder.path())?;
        let mut sandbox = Sandbox::start(spec, &folder, events, cancel).await?;
        let (transport, deadline) = (sandbox.transport(), Deadline::after(ANSWER));
        let opened = tokio::select! {
            session = open(&transport, deadline, cancel) => session,
            last_words = sandbox.ended() => Err(ImageError::MachineGone { last_words }),
        };
        match opened {
            Ok(session) => Ok(Self { folder, sandbox, session }),
            Err(error) => {
                sandbox.stop(Deadline::after(STOP)).await?;
                Err(error)
            }
        }
    }

    /// Ends it. What was written moves to `kept`; everything else goes.
    async fn stop(mut self, kept: Option<&Path>) -> Result<(), ImageError> {
        if self.session.power_off().await.is_err() {
            // It is ended all the same.
        }
        self.sandbox.stop(Deadline::after(STOP)).await?;
        if let Some(kept) = kept {
            fs_err::rename(self.folder.file("upper"), kept)?;
        }
        let machines = self.folder.path().parent().unwrap_or(self.folder.path());
        // Also after a cancellation: the folder belongs to nobody else.
        host_tool::remove(machines, &[&self.folder.name().to_string()], &CancellationToken::new()).await
    }
}

/// Opens a session as soon as somebody listens.
async fn open(
    transport: &crate::guest::Transport,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<Session, ImageError> {
    loop {
        match connect(transport).await {
            Ok(pipe) => return Ok(Session::open(pipe, deadline, cancel).await?),
            Err(error) if deadline.passed() => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        if cancel.is_cancelled() {
            return Err(ImageError::Cancelled);
        }
    }
}
