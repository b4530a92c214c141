//! Users and services of a Vagrant box.
//!
//! The golden tree has no init system, no SSH server, no DHCP client and no user but root, since vmbuild's own machines
//! need none of them. The agent installs them in a sandbox over the golden tree; its upper layer becomes one more layer
//! of the export, and of the export only. The packages are the archive's newest: two boxes of one golden machine may
//! differ.

use super::ExportError;
use super::job::ExportJob;
use crate::Golden;
use crate::golden::EPOCH;
use crate::golden::layer::TRANSIENT;
use crate::golden::normalize;
use crate::host_tool;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::os::unix::fs::symlink;
use std::path::Path;
use vmbuild_machine::{Lifetime, Machine, MachineName, MachineSpec, Network, RootTree, StartSource, StoppedMachine};
use vmbuild_protocol::{CommandLine, Exec, Exited, PackageManager, Provision, Stage};
use vmbuild_supervise::Tail;

const PACKAGES: &str = include_str!("../../../../provision/vagrant/login.toml");
const SCRIPT: &str = include_str!("../../../../provision/vagrant/login.sh");

/// The public half of the key pair that comes with every Vagrant. Neither half is secret: Vagrant replaces it by a key of
/// the machine's own at its first login. Source: Vagrant, `keys/vagrant.pub`.
const KEY: &str = include_str!("../../../../provision/vagrant/insecure.pub");

/// The list of archives during the installation.
const SOURCES: &str = "/tmp/sources.list";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginPackages {
    #[serde(rename = "schema")]
    _schema: u32,
    apt: Vec<String>,
}

/// The identity of a golden machine's box: the machine, and the files added for logging in.
pub fn box_digest(golden: &Golden) -> String {
    let parts = [golden.digest(), PACKAGES, SCRIPT, KEY];
    hex::encode(parts.into_iter().fold(Sha256::new(), |all, part| all.chain_update(Sha256::digest(part))).finalize())
}

/// Creates the layer in the returned machine's folder, which must be removed after the export.
pub(super) async fn make(job: &ExportJob<'_>) -> Result<StoppedMachine, ExportError> {
    job.report("packages to log in with");
    let machine = Machine::start(spec(job), job.store, job.events, job.cancel).await.map_err(ExportError::machine)?;
    let installed = install(job, &machine).await;
    let kept = machine.stop_keeping().await.map_err(ExportError::machine)?;
    let settled = match installed {
        Ok(()) => clean(&kept, job).await,
        failed => failed,
    };
    match settled {
        Ok(()) => Ok(kept),
        Err(error) => {
            // The first error is reported; the next command's sweep removes the folder.
            let _ = kept.folder.remove(job.cancel).await;
            Err(error)
        }
    }
}

fn spec(job: &ExportJob<'_>) -> MachineSpec {
    MachineSpec {
        name: MachineName::for_job(),
        image: job.golden.image().to_owned(),
        cpus: 1,
        memory_mib: 2048,
        network: Network::Outgoing,
        lifetime: Lifetime::Job,
        agent: job.agent.to_owned(),
        start: StartSource::Sandbox { root: RootTree { layers: job.golden.tree().layers } },
    }
}

async fn install(job: &ExportJob<'_>, machine: &Machine) -> Result<(), ExportError> {
    let ExportJob { golden, cancel, .. } = *job;
    let packages: LoginPackages = toml::from_str(PACKAGES).map_err(std::io::Error::other)?;
    let no_archive = || ExportError::NoArchive { image: golden.image().to_owned() };
    let sources = golden.sources(cancel).await.ok_or_else(no_archive)?;
    let file = tempfile::NamedTempFile::new()?;
    fs_err::write(file.path(), sources)?;
    let session = machine.session();
    let sent = session.put_file(file.path(), SOURCES, 0o644, cancel, |_| ());
    machine.ask(sent).await.map_err(ExportError::machine)?;
    let request = Provision {
        manager: PackageManager::Apt,
        packages: packages.apt,
        sources: Some(SOURCES.to_owned()),
        snapshot: None,
        epoch: Some(EPOCH.parse().map_err(std::io::Error::other)?),
        stage: Stage::Whole,
    };
    let mut tail = Tail::default();
    let installing = session.provision(request, cancel, |_, bytes| {
        tail.push(bytes);
        job.report(tail.last_line());
    });
    machine.ask(installing).await.map_err(ExportError::machine)?;
    set_up(job, machine).await
}

/// The user, the network, the services.
async fn set_up(job: &ExportJob<'_>, machine: &Machine) -> Result<(), ExportError> {
    let argv = ["sh", "-c", SCRIPT, "login.sh", KEY.trim()].map(str::to_owned).to_vec();
    let command = CommandLine { argv, env: Vec::new(), cwd: "/".to_owned() };
    let mut tail = Tail::default();
    let exec = Exec { command, timeout_ms: Some(60_000) };
    let ran = machine.session().exec(exec, job.cancel, |_, bytes| tail.push(bytes));
    match machine.ask(ran).await.map_err(ExportError::machine)? {
        Exited::Code(0) => Ok(()),
        _ => Err(ExportError::LogIn { tail }),
    }
}

async fn clean(kept: &StoppedMachine, job: &ExportJob<'_>) -> Result<(), ExportError> {
    let upper = kept.folder.file("upper");
    let names: Vec<&str> = TRANSIENT.into_iter().filter(|name| upper.join(name).symlink_metadata().is_ok()).collect();
    host_tool::remove_trees(&upper, &names, job.cancel).await?;
    normalize::normalize_tree(kept.folder.path(), "upper", job.cancel).await?;
    write_names(&job.tree.top())?;
    Ok(())
}

/// Writes host name, hosts and name servers, which the sandbox hides behind files of its own.
fn write_names(top: &Path) -> std::io::Result<()> {
    let folder = top.join("etc");
    fs_err::create_dir(&folder)?;
    fs_err::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs_err::write(folder.join("hostname"), "vmbuild\n")?;
    fs_err::write(folder.join("hosts"), "127.0.0.1 localhost\n127.0.1.1 vmbuild\n::1 localhost\n")?;
    symlink("../run/systemd/resolve/stub-resolv.conf", folder.join("resolv.conf"))
}
