//! A machine of Vagrant's: its start, its end, the way to its agent.

use super::project::{is_begun, is_vagrant, note, supposed_to_run, write};
use super::records::VagrantRecord;
use super::run::{UP, VagrantCommand};
use super::{VagrantError, ssh_config};
use crate::backend::BackendRecord;
use crate::{Lifetime, MachineFolder, MachineRecord, MachineSpec, Start};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_guest::{SshWay, Transport};
use vmbuild_supervise::{Command, Deadline};

/// How long `vagrant --version` has: Ruby starts slowly.
const VERSION: Duration = Duration::from_mins(1);

/// A machine that Vagrant has started.
#[derive(Debug)]
pub struct VagrantMachine {
    folder: MachineFolder,
    lifetime: Lifetime,
    ssh: SshWay,
}

impl VagrantMachine {
    /// Starts it, and provisions a named one if it is new. Returns once its SSH server answers.
    pub async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, VagrantError> {
        let Start::Vagrant { source } = &spec.start else {
            return Err(VagrantError::OtherBackend(spec.name.to_string()));
        };
        write(folder, &spec.image, &source.packages)?;
        let order = VagrantCommand { verb: "up", args: args_of_up(spec.lifetime), limit: UP, events: Some(events) };
        order.run(folder, Some(spec), cancel).await?;
        note(folder, true)?;
        let text = ssh_config_of(folder, spec, cancel).await?;
        let ssh = ssh_config::parse(&text, &folder.file("host_key.pub"), &spec.agent)?;
        Ok(Self { folder: folder.clone(), lifetime: spec.lifetime, ssh })
    }

    /// Takes hold of one that an earlier vmbuild started.
    pub fn attach(folder: &MachineFolder, record: &MachineRecord) -> Result<Self, VagrantError> {
        let not_running = || VagrantError::NotRunning(folder.name().to_string());
        let BackendRecord::Vagrant(own) = &record.backend else { return Err(not_running()) };
        Ok(Self { folder: folder.clone(), lifetime: record.spec.lifetime, ssh: own.ssh.clone() })
    }

    /// The way to its agent.
    pub fn transport(&self) -> Transport {
        Transport::Ssh(Box::new(self.ssh.clone()))
    }

    /// Where its SSH server is.
    pub fn ssh(&self) -> &SshWay {
        &self.ssh
    }

    /// Stops it; one that is there for a job only is destroyed.
    pub async fn stop(&mut self) -> Result<(), VagrantError> {
        match self.lifetime {
            Lifetime::Job => destroy(&self.folder).await,
            Lifetime::Named => halt(&self.folder).await,
        }
    }
}

/// A job's machine is a box of a golden machine: it has its packages, and one that validates must not get those of the
/// machine that compiles.
fn args_of_up(lifetime: Lifetime) -> Vec<String> {
    match lifetime {
        Lifetime::Job => vec!["--no-provision".to_owned()],
        Lifetime::Named => Vec::new(),
    }
}

async fn ssh_config_of(
    folder: &MachineFolder,
    spec: &MachineSpec,
    cancel: &CancellationToken,
) -> Result<String, VagrantError> {
    let records = VagrantCommand::quiet("ssh-config", &[]).run(folder, Some(spec), cancel).await?;
    let text = records.into_iter().find_map(|record| match record {
        VagrantRecord::SshConfig(text) => Some(text),
        _ => None,
    });
    text.ok_or(VagrantError::SshConfig("machine"))
}

/// Stops a machine, if it is supposed to run.
pub(super) async fn halt(folder: &MachineFolder) -> Result<(), VagrantError> {
    if supposed_to_run(folder) {
        VagrantCommand::quiet("halt", &[]).run(folder, spec_of(folder).as_ref(), &CancellationToken::new()).await?;
    }
    Ok(note(folder, false)?)
}

/// Takes a machine away from its provider. One that was never made is no error.
pub(super) async fn destroy(folder: &MachineFolder) -> Result<(), VagrantError> {
    if !is_vagrant(folder) || !is_begun(folder) {
        return Ok(());
    }
    VagrantCommand::quiet("destroy", &["--force"])
        .run(folder, spec_of(folder).as_ref(), &CancellationToken::new())
        .await?;
    Ok(note(folder, false)?)
}

/// What the machine was made of. Without it the Vagrantfile's defaults do: Vagrant finds the machine by its own notes.
fn spec_of(folder: &MachineFolder) -> Option<MachineSpec> {
    folder.read_record().ok().flatten().map(|record| record.spec)
}

/// Whether it really runs. If not, that is noted: somebody else has stopped it.
pub(super) async fn is_running(folder: &MachineFolder, cancel: &CancellationToken) -> Result<bool, VagrantError> {
    if !supposed_to_run(folder) {
        return Ok(false);
    }
    let records = VagrantCommand::quiet("status", &[]).run(folder, spec_of(folder).as_ref(), cancel).await?;
    let runs = records.iter().any(|record| matches!(record, VagrantRecord::State(state) if state == "running"));
    if !runs {
        note(folder, false)?;
    }
    Ok(runs)
}

/// Whether there is a Vagrant, or why not.
pub(super) async fn works_here(cancel: &CancellationToken) -> Result<(), VagrantError> {
    let version = Command::new("vagrant").arg("--version").env("VAGRANT_CHECKPOINT_DISABLE", "1");
    let asked = version.output(Deadline::after(VERSION), cancel).await;
    asked.map(drop).map_err(|error| VagrantError::of_run("--version", error))
}
