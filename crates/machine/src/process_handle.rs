//! A handle to a machine's process, to wait for its exit and to force it.

use super::folder::MachineFolder;
use super::process::{ProcessEnd, ProcessIdentity, ProvenProcess};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use vmbuild_core::store::Lock;
use vmbuild_supervise::Child;

/// Time between TERM and KILL, and after KILL.
const GRACE: Duration = Duration::from_secs(3);

/// Interval at which a lock is checked if there is nothing better to wait for.
const POLL: Duration = Duration::from_millis(200);

/// A machine's process.
#[derive(Debug)]
pub(crate) enum ProcessHandle {
    /// We started it.
    Child(Box<Child>),
    /// Another vmbuild started it, and it was proved to be the recorded one.
    Proven(ProvenProcess),
    /// Another vmbuild started it, on a system without pidfds: the lock that it holds. It cannot be forced.
    Lock(PathBuf),
}

impl ProcessHandle {
    /// The process of `folder`'s machine, started by another vmbuild: `None` if it does not run, or is another process.
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

    /// Resolves when it has exited, with how. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> String {
        match self {
            Self::Child(child) => child.wait().await.map_or_else(|error| error.to_string(), |ended| ended.to_string()),
            Self::Proven(process) => match process.ended().await {
                Ok(()) => "ended".to_owned(),
                Err(error) => format!("could not be watched ({error})"),
            },
            Self::Lock(lock) => {
                while !matches!(Lock::is_held(lock), Ok(false)) {
                    tokio::time::sleep(POLL).await;
                }
                "ended".to_owned()
            }
        }
    }

    /// Returns true if it exits by itself within `limit`.
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
