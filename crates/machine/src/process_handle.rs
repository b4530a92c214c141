//! Our hold on a machine's process: what it takes to wait for its end, and to force it.

use super::folder::MachineFolder;
use super::process::{ProcessEnd, ProcessIdentity, ProvenProcess};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use vmbuild_core::store::Lock;
use vmbuild_supervise::Child;

/// How long it has between TERM and KILL, and after KILL.
const GRACE: Duration = Duration::from_secs(3);

/// How often a lock is tried, where there is nothing better to wait on.
const POLL: Duration = Duration::from_millis(200);

/// A machine's process.
#[derive(Debug)]
pub(crate) enum ProcessHandle {
    /// We started it.
    Child(Box<Child>),
    /// Somebody else did, and it was proved to be the one written down.
    Proven(ProvenProcess),
    /// Somebody else did, on a system without pidfds: the lock that lives as long as it does, and no way to force it.
    Lock(PathBuf),
}

impl ProcessHandle {
    /// The process of `folder`'s machine, started by somebody else: `None` if it is not running, or another one.
    pub(crate) fn attach(folder: &MachineFolder, identity: ProcessIdentity) -> io::Result<Option<Self>> {
        let lock = folder.alive_lock();
        if !Lock::is_held(&lock)? {
            return Ok(None);
        }
        if cfg!(target_os = "linux") {
            return Ok(ProvenProcess::find(identity)?.map(Self::Proven));
        }
        Ok(Some(Self::Lock(lock)))
    }

    /// Resolves when it has ended, with how. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> String {
        match self {
            Self::Child(child) => child.wait().await.map_or_else(|error| error.to_string(), |ended| ended.to_string()),
            Self::Proven(process) => match process.ended().await {
                Ok(()) => "ended".to_owned(),
                Err(error) => format!("was lost sight of ({error})"),
            },
            Self::Lock(lock) => {
                while !matches!(Lock::is_held(lock), Ok(false)) {
                    tokio::time::sleep(POLL).await;
                }
                "ended".to_owned()
            }
        }
    }

    /// Whether it ends by itself within `limit`.
    pub(crate) async fn ends_within(&mut self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.ended()).await.is_ok()
    }

    /// Forces it: TERM, three seconds, KILL. Returns whether it has ended.
    pub(crate) async fn force(&mut self) -> io::Result<bool> {
        match self {
            Self::Child(child) => return Ok(child.shutdown().await.is_some()),
            Self::Lock(_) => return Ok(false),
            Self::Proven(process) => process.signal(ProcessEnd::Term)?,
        }
        if self.ends_within(GRACE).await {
            return Ok(true);
        }
        if let Self::Proven(process) = self {
            process.signal(ProcessEnd::Kill)?;
        }
        Ok(self.ends_within(GRACE).await)
    }
}
