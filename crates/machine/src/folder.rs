//! A machine's folder: its record, its locks, and the state that follows from them.
//!
//! ```text
//! machines/<name>/
//!   machine.json   MachineRecord, written when it has started
//!   owner.lock     held by the vmbuild that runs a job machine: free means the job's vmbuild is gone
//!   alive.lock     held (inherited descriptor) by the machine's own process: free means it is not running
//!   agent.sock     QEMU's end of its virtio-serial port; socket/agent.sock: the sandbox's agent
//!   qmp.sock       QEMU's monitor; serial.log the console; overlay.qcow2 its disk; upper/ work/ the sandbox's
//!   cgroups        the sandbox's control groups
//!   vagrant/ host_key.pub  Vagrant's files, see `vagrant`
//! ```
//!
//! A folder appears under its name with `owner.lock` already held, and disappears in one step: while it is made or deleted
//! its name starts with a dot. So a free `owner.lock` always means that no vmbuild is using the machine.

use super::backend::backend_of_folder;
use super::log_tail;
use super::record::MachineRecord;
use super::sandbox::{NamespaceCommand, NamespaceError, NamespaceRoot};
use super::spec::{Lifetime, MachineName, Network};
use serde::Serialize;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_core::store::{Lock, entries, write_atomically};
use vmbuild_supervise::{Deadline, Tail};

/// Error of a machine's folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The name is taken.
    #[error("machine {0} already exists")]
    Exists(MachineName),
    /// There is no such machine.
    #[error("machine {0} does not exist")]
    Missing(MachineName),
    /// Another vmbuild starts, stops or uses it.
    #[error("machine {0} is in use by another vmbuild")]
    Busy(MachineName),
    /// Its record is not one this version reads.
    #[error("failed to read the record of machine {name}: {reason}")]
    Record {
        /// The machine.
        name: MachineName,
        /// The reason.
        reason: String,
    },
    /// Its files belong to the namespace's users, and could not be removed there.
    #[error("failed to remove the files of machine {name}")]
    Remove {
        /// The machine.
        name: MachineName,
        /// The reason.
        #[source]
        source: Box<NamespaceError>,
    },
    /// Its files.
    #[error("failed to use the machine's folder")]
    Io(#[from] io::Error),
}

impl Diagnose for FolderError {
    fn exit(&self) -> Exit {
        match self {
            Self::Exists(_) | Self::Missing(_) => Exit::Usage,
            Self::Remove { source, .. } => source.exit(),
            Self::Busy(_) | Self::Record { .. } | Self::Io(_) => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Exists(name) => vec![format!("`vmbuild destroy {name}` removes it")],
            Self::Missing(name) => {
                vec![format!("`vmbuild up {name}` creates it; `vmbuild status` lists existing machines")]
            }
            Self::Record { name, .. } => vec![format!("`vmbuild destroy {name}` removes the machine")],
            Self::Remove { source, .. } => source.hints(),
            Self::Busy(_) | Self::Io(_) => Vec::new(),
        }
    }
}

/// State of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// Its process runs.
    Running,
    /// It does not run; its files are kept.
    Stopped,
    /// Its vmbuild is gone: the next command removes it.
    Abandoned,
}

/// The folder of one machine.
#[derive(Debug, Clone)]
pub struct MachineFolder {
    name: MachineName,
    path: PathBuf,
}

impl MachineFolder {
    /// The folder for `name` under `machines`, which need not exist.
    pub fn new(machines: &Path, name: MachineName) -> Self {
        Self { path: machines.join(name.to_string()), name }
    }

    /// Makes the folder, for this user only, and takes its `owner.lock`.
    pub fn create(machines: &Path, name: MachineName) -> Result<(Self, Lock), FolderError> {
        let making = hidden(machines, "making", &name);
        std::fs::DirBuilder::new().mode(0o700).create(&making)?;
        let lock = Lock::try_take(&making.join("owner.lock"))?.ok_or_else(|| FolderError::Busy(name.clone()))?;
        let folder = Self::new(machines, name);
        match rename_to_free(&making, &folder.path) {
            Ok(()) => Ok((folder, lock)),
            Err(error) => {
                fs_err::remove_dir_all(&making)?;
                let taken = matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty);
                Err(if taken { FolderError::Exists(folder.name) } else { error.into() })
            }
        }
    }

    /// The folder of a machine that exists.
    pub fn find(machines: &Path, name: MachineName) -> Result<Self, FolderError> {
        let folder = Self::new(machines, name);
        if folder.path.is_dir() { Ok(folder) } else { Err(FolderError::Missing(folder.name)) }
    }

    /// The folders of all machines, by name; empty if the store has no machines yet.
    pub fn list(machines: &Path) -> io::Result<Vec<Self>> {
        let mut folders = Vec::new();
        for entry in entries(machines)? {
            let name = entry.file_name().to_str().and_then(|name| name.parse::<MachineName>().ok());
            folders.extend(name.map(|name| Self::new(machines, name)).filter(|folder| folder.path.is_dir()));
        }
        folders.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(folders)
    }

    /// The machine's name.
    pub fn name(&self) -> &MachineName {
        &self.name
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The console's log: what the guest's kernel or the sandbox's first process wrote.
    pub fn console(&self) -> PathBuf {
        self.file("serial.log")
    }

    /// Everything that is written about the machine while it runs: QEMU's own output, and the console.
    pub fn logs(&self) -> Vec<PathBuf> {
        vec![self.file(super::qemu::LOG), self.console()]
    }

    /// The lock the machine's own process holds.
    pub fn alive_lock(&self) -> PathBuf {
        self.file("alive.lock")
    }

    /// The end of the console's log; empty if there is no log.
    pub fn console_tail(&self) -> Tail {
        log_tail::read(&self.console())
    }

    /// Takes the owner's lock. `None` if another vmbuild has it.
    pub async fn take_owner_lock(&self) -> io::Result<Option<Lock>> {
        take(&self.file("owner.lock")).await
    }

    /// Takes the lock that the machine's process is to hold. `None` if a process holds it.
    pub async fn take_alive_lock(&self) -> io::Result<Option<Lock>> {
        take(&self.alive_lock()).await
    }

    /// Returns true if the machine runs, as far as its folder tells its backend.
    pub fn is_running(&self) -> io::Result<bool> {
        backend_of_folder(self).map_or_else(|| self.is_alive(), |backend| backend.is_running(self))
    }

    /// Returns true if a process of the machine holds its lock.
    pub(crate) fn is_alive(&self) -> io::Result<bool> {
        Lock::is_held(&self.alive_lock())
    }

    /// The machine's state.
    pub fn state(&self) -> Result<MachineState, FolderError> {
        let owned = Lock::is_held(&self.file("owner.lock"))?;
        let named = self.read_record()?.is_some_and(|record| record.spec.lifetime == Lifetime::Named);
        if !owned && !named {
            return Ok(MachineState::Abandoned);
        }
        Ok(if self.is_running()? { MachineState::Running } else { MachineState::Stopped })
    }

    /// Its record, once it has started.
    pub fn read_record(&self) -> Result<Option<MachineRecord>, FolderError> {
        let text = match fs_err::read_to_string(self.file("machine.json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let unreadable = |reason| FolderError::Record { name: self.name.clone(), reason };
        MachineRecord::from_json(&text).map(Some).map_err(unreadable)
    }

    /// Writes its record.
    pub fn write_record(&self, record: &MachineRecord) -> io::Result<()> {
        write_atomically(&self.file("machine.json"), record.to_json()?.as_bytes())
    }

    /// Removes the folder and everything in it. The caller holds the owner's lock and has seen the machine end.
    pub async fn remove(&self, cancel: &CancellationToken) -> Result<(), FolderError> {
        let machines = self.path.parent().unwrap_or(Path::new("/"));
        let going = hidden(machines, "going", &self.name);
        fs_err::rename(&self.path, &going)?;
        delete(&going, cancel)
            .await
            .map_err(|source| FolderError::Remove { name: self.name.clone(), source: Box::new(source) })
    }
}

/// A name that no machine has, for a folder that is being made or deleted.
fn hidden(machines: &Path, why: &str, name: &MachineName) -> PathBuf {
    // A job's name is random; with it two vmbuilds never collide.
    machines.join(format!(".{why}-{name}-{}", MachineName::for_job()))
}

/// Renames, unless the new name is taken.
#[cfg(target_os = "linux")]
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Renames: a folder that has anything in it, as every machine's has, is never replaced.
#[cfg(not(target_os = "linux"))]
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    fs_err::rename(from, to)
}

async fn take(path: &Path) -> io::Result<Option<Lock>> {
    // A process that only checks the lock shares it for an instant.
    for _ in 0..4 {
        if let Some(lock) = Lock::try_take(path)? {
            return Ok(Some(lock));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Lock::try_take(path)
}

/// Deletes a tree. An ordinary user's sandbox leaves files of subordinate ids, which only root in a namespace
/// with the same ids may delete.
pub(super) async fn delete(path: &Path, cancel: &CancellationToken) -> Result<(), NamespaceError> {
    if rustix::process::geteuid().is_root() || !cfg!(target_os = "linux") {
        let path = path.to_owned();
        let deleting = tokio::task::spawn_blocking(move || fs_err::remove_dir_all(path));
        return Ok(deleting.await.map_err(io::Error::other)??);
    }
    if fs_err::remove_dir_all(path).is_ok() {
        return Ok(());
    }
    let path = path.to_str().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let remove = NamespaceCommand {
        root: NamespaceRoot::Host,
        network: Network::None,
        binds: Vec::new(),
        hostname: "vmbuild".to_owned(),
        argv: ["rm", "-rf", "--one-file-system", "--", path].map(str::to_owned).to_vec(),
        env: vec![("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())],
        cwd: "/".to_owned(),
    };
    remove.run(Deadline::after(Duration::from_mins(5)), cancel, |_| ()).await?;
    Ok(())
}
