//! The build role's layer: what the toolchain and the development packages add to the clean tree.
//!
//! The agent installs them in a sandbox over the clean tree, the way it will work in every later machine. What
//! the sandbox wrote is kept; a build then sees layer over tree.

use super::folder::{Folder, UNFINISHED};
use super::{Image, ImageError, Role, host_tool};
use crate::event::{Events, Part, Unit};
use crate::machine::{Lifetime, Machine, MachineError, MachineName, MachineSpec, Network, RootTree, Start};
use crate::store::Store;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Provision;
use vmbuild_supervise::Tail;

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
    let machine = Machine::start(spec, store, events, cancel).await?;
    let mut tail = Tail::default();
    let mut shown = Instant::now();
    let provision = Provision { manager: lists.manager, packages, sources: None, snapshot: None, epoch: None };
    let installing = machine.session().provision(provision, cancel, |_, bytes| {
        tail.push(bytes);
        if shown.elapsed() >= SHOWN_EVERY {
            shown = Instant::now();
            running.advance(0, None, Unit::Lines, tail.last_line());
        }
    });
    let installed = machine.ask(installing).await;
    let kept = machine.stop_keeping().await?;
    if installed.is_ok() {
        fs_err::rename(kept.folder.file("upper"), folder.path().join(name))?;
    }
    // Also after a cancellation: the folder is of no use to anybody else.
    kept.folder.remove(&CancellationToken::new()).await.map_err(MachineError::from)?;
    let installed = installed?.len();
    running.finish(format!("{installed} packages installed"));
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
