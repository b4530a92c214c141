//! A machine under Vagrant: start, stop, and the transport to its agent.

use super::project::{is_created, is_vagrant, note_running, supposed_to_run, write_project};
use super::records::VagrantRecord;
use super::run::{UP, VagrantCommand};
use super::{VagrantError, ssh_config};
use crate::backend::BackendRecord;
use crate::{Lifetime, MachineFolder, MachineRecord, MachineSpec, StartSource};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_guest::{SshWay, Transport};
use vmbuild_supervise::{Command, Deadline};

/// Time `vagrant --version` has: Ruby starts slowly.
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
        let StartSource::Vagrant { source } = &spec.start else {
            return Err(VagrantError::OtherBackend(spec.name.to_string()));
        };
        write_project(folder, &spec.image, &source.packages)?;
        let command = VagrantCommand { verb: "up", args: up_args(spec.lifetime), limit: UP, events: Some(events) };
        command.run(folder, Some(spec), cancel).await?;
        note_running(folder, true)?;
        let text = query_ssh_config(folder, spec, cancel).await?;
        let ssh = ssh_config::parse(&text, &folder.file("host_key.pub"), &spec.agent)?;
        Ok(Self { folder: folder.clone(), lifetime: spec.lifetime, ssh })
    }

    /// Attaches to a machine that an earlier vmbuild started.
    pub fn attach(folder: &MachineFolder, record: &MachineRecord) -> Result<Self, VagrantError> {
        let not_running = || VagrantError::NotRunning(folder.name().to_string());
        let BackendRecord::Vagrant(own) = &record.backend else { return Err(not_running()) };
        Ok(Self { folder: folder.clone(), lifetime: record.spec.lifetime, ssh: own.ssh.clone() })
    }

    /// The transport to its agent.
    pub fn transport(&self) -> Transport {
        Transport::Ssh(Box::new(self.ssh.clone()))
    }

    /// Its SSH server.
    pub fn ssh(&self) -> &SshWay {
        &self.ssh
    }

    /// Stops it; a job's machine is destroyed.
    pub async fn stop(&mut self) -> Result<(), VagrantError> {
        match self.lifetime {
            Lifetime::Job => destroy(&self.folder).await,
            Lifetime::Named => halt(&self.folder).await,
        }
    }
}

/// A job's machine is a box of a golden machine and already has its packages; a machine that validates must not get the
/// packages for compiling.
fn up_args(lifetime: Lifetime) -> Vec<String> {
    match lifetime {
        Lifetime::Job => vec!["--no-provision".to_owned()],
        Lifetime::Named => Vec::new(),
    }
}

async fn query_ssh_config(
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
        VagrantCommand::quiet("halt", &[])
            .run(folder, recorded_spec(folder).as_ref(), &CancellationToken::new())
            .await?;
    }
    Ok(note_running(folder, false)?)
}

/// Destroys a machine. A machine that was never created is no error.
pub(super) async fn destroy(folder: &MachineFolder) -> Result<(), VagrantError> {
    if !is_vagrant(folder) || !is_created(folder) {
        return Ok(());
    }
    VagrantCommand::quiet("destroy", &["--force"])
        .run(folder, recorded_spec(folder).as_ref(), &CancellationToken::new())
        .await?;
    Ok(note_running(folder, false)?)
}

/// The machine as data, if it is recorded. The Vagrantfile's defaults are enough to find a machine.
fn recorded_spec(folder: &MachineFolder) -> Option<MachineSpec> {
    folder.read_record().ok().flatten().map(|record| record.spec)
}

/// Asks Vagrant whether the machine runs. If not, that is noted: it was stopped by other means.
pub(super) async fn is_running(folder: &MachineFolder, cancel: &CancellationToken) -> Result<bool, VagrantError> {
    if !supposed_to_run(folder) {
        return Ok(false);
    }
    let records = VagrantCommand::quiet("status", &[]).run(folder, recorded_spec(folder).as_ref(), cancel).await?;
    let runs = records.iter().any(|record| matches!(record, VagrantRecord::State(state) if state == "running"));
    if !runs {
        note_running(folder, false)?;
    }
    Ok(runs)
}

/// Checks that Vagrant is installed.
pub(super) async fn works_here(cancel: &CancellationToken) -> Result<(), VagrantError> {
    let version = Command::new("vagrant").arg("--version").env("VAGRANT_CHECKPOINT_DISABLE", "1");
    let asked = version.output(Deadline::after(VERSION), cancel).await;
    asked.map(drop).map_err(|error| VagrantError::of_run("--version", error))
}
