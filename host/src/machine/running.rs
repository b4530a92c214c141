//! A machine that runs, with an open session to its agent: what commands work with.

use super::error::MachineError;
use super::folder::{FolderError, MachineFolder, MachineRecord, MachineState};
use super::spec::{Lifetime, MachineName, MachineSpec};
use super::started::{NEWS, Started, died};
use crate::event::Events;
use crate::guest::{Session, SessionError};
use crate::store::{Lock, Store};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// How long an agent that was asked to end the machine has to answer.
const POWER_OFF: Duration = Duration::from_secs(5);
/// How long a machine has to end.
const STOP: Duration = Duration::from_secs(30);

/// A running machine. Dropping it kills a job's machine; its folder is then left to the next command's sweep.
#[derive(Debug)]
pub struct Machine {
    spec: MachineSpec,
    folder: MachineFolder,
    // Behind a lock, because the machine is watched while its session is used.
    backend: Mutex<Started>,
    session: Session,
    owner: Option<Lock>,
}

/// What is left of a machine that was stopped and not removed.
#[derive(Debug)]
pub struct Kept {
    /// Its folder.
    pub folder: MachineFolder,
    /// Keeps others away from it, until it is dropped.
    pub owner: Lock,
}

impl Machine {
    /// Starts a machine and opens the session with its agent. A named machine that was stopped is started again
    /// with its files, if it is made of the same things.
    pub async fn start(
        spec: &MachineSpec,
        store: &Store,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, MachineError> {
        let (folder, owner) = claim(spec, store).await?;
        match Self::bring_up(spec, &folder, events, cancel).await {
            Ok((backend, session)) => {
                let spec = spec.clone();
                Ok(Self { spec, folder, backend: Mutex::new(backend), session, owner: Some(owner) })
            }
            // Its console is worth reading.
            Err(error @ (MachineError::Died { .. } | MachineError::NoAnswer { .. })) => Err(error),
            Err(error) => {
                if spec.lifetime == Lifetime::Job {
                    // The error that brought us here is the one to tell; the next command's sweep tries again.
                    let _ = folder.remove(&CancellationToken::new()).await;
                }
                Err(error)
            }
        }
    }

    async fn bring_up(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<(Started, Session), MachineError> {
        let mut backend = Started::start(spec, folder, events, cancel).await?;
        let record = MachineRecord::new(spec.clone(), backend.process(), backend.uuid());
        let opened = match folder.write_record(&record) {
            Ok(()) => backend.open_session(folder, cancel).await,
            Err(error) => Err(error.into()),
        };
        match opened {
            Ok(session) => Ok((backend, session)),
            Err(error) => {
                // A named machine would outlive this; what matters is why it is ended.
                let _ = backend.stop(Deadline::after(STOP)).await;
                Err(error)
            }
        }
    }

    /// Takes hold of a named machine that runs.
    pub async fn attach(store: &Store, name: &MachineName, cancel: &CancellationToken) -> Result<Self, MachineError> {
        let folder = MachineFolder::new(&store.machines(), name.clone());
        let mut backend = hold(&folder).await?;
        let record = folder.record()?.ok_or_else(|| MachineError::NotRunning(name.clone()))?;
        let session = backend.open_session(&folder, cancel).await?;
        Ok(Self { spec: record.spec, folder, backend: Mutex::new(backend), session, owner: None })
    }

    /// The session with its agent.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What it was made of.
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// Where its state lives.
    pub fn folder(&self) -> &MachineFolder {
        &self.folder
    }

    /// Runs `work` to its end, unless the machine ends first.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> Result<T, MachineError> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            death = self.death() => Err(death),
        }
    }

    /// As `watch`, for a request to the agent. A request that fails because the machine died says that it died.
    pub async fn ask<T>(&self, request: impl Future<Output = Result<T, SessionError>>) -> Result<T, MachineError> {
        match self.watch(request).await? {
            Ok(answer) => Ok(answer),
            Err(refused @ SessionError::Refused(_)) => Err(refused.into()),
            Err(error) => match tokio::time::timeout(NEWS, self.death()).await {
                Ok(death) => Err(death),
                Err(_) => Err(error.into()),
            },
        }
    }

    async fn death(&self) -> MachineError {
        let last_words = self.backend.lock().await.ended().await;
        died(&self.folder, last_words)
    }

    /// Lets go of a named machine, which runs on. A job's machine does not outlive this.
    pub fn leave(self) {}

    /// Ends it. A job's machine is removed.
    pub async fn stop(self) -> Result<(), MachineError> {
        let lifetime = self.spec.lifetime;
        let kept = self.stop_keeping().await?;
        if lifetime == Lifetime::Job {
            kept.folder.remove(&CancellationToken::new()).await?;
        }
        Ok(())
    }

    /// Ends it and keeps its files.
    pub async fn stop_keeping(mut self) -> Result<Kept, MachineError> {
        let owner = match self.owner.take() {
            Some(owner) => owner,
            None => self.folder.take_owner_lock().await?.ok_or_else(|| FolderError::Busy(self.spec.name.clone()))?,
        };
        end(self.backend.get_mut(), Some(&self.session)).await?;
        Ok(Kept { folder: self.folder, owner })
    }
}

/// A folder for the machine, with its owner's lock: a new one, or that of the same named machine, stopped.
async fn claim(spec: &MachineSpec, store: &Store) -> Result<(MachineFolder, Lock), FolderError> {
    let taken = match MachineFolder::create(&store.machines(), spec.name.clone()) {
        Err(FolderError::Exists(name)) if spec.lifetime == Lifetime::Named => name,
        made => return made,
    };
    let folder = MachineFolder::new(&store.machines(), taken.clone());
    let owner = folder.take_owner_lock().await?.ok_or_else(|| FolderError::Busy(taken.clone()))?;
    let same = folder.record()?.is_none_or(|record| record.spec.start == spec.start);
    if same && folder.take_alive_lock().await?.is_some() {
        Ok((folder, owner))
    } else {
        Err(FolderError::Exists(taken))
    }
}

/// Ends a machine that may run, and keeps its files. One that does not run is no error.
pub async fn end_machine(folder: &MachineFolder, cancel: &CancellationToken) -> Result<(), MachineError> {
    let _owner = folder.take_owner_lock().await?.ok_or_else(|| FolderError::Busy(folder.name().clone()))?;
    let mut backend = match hold(folder).await {
        Err(MachineError::NotRunning(_)) => return Ok(()),
        backend => backend?,
    };
    // An agent that cannot be reached cannot be asked to end its machine: it is ended without.
    let opened = tokio::time::timeout(POWER_OFF, backend.open_session(folder, cancel)).await;
    end(&mut backend, opened.ok().and_then(Result::ok).as_ref()).await
}

/// Takes hold of a machine that runs.
async fn hold(folder: &MachineFolder) -> Result<Started, MachineError> {
    let name = folder.name();
    if !folder.path().is_dir() {
        return Err(MachineError::Unknown { name: name.clone() });
    }
    let record = folder.record()?.filter(|_| matches!(folder.state(), Ok(MachineState::Running)));
    Started::attach(folder, &record.ok_or_else(|| MachineError::NotRunning(name.clone()))?).await
}

/// Asks the agent to end the machine, and ends it if that does not happen.
async fn end(backend: &mut Started, session: Option<&Session>) -> Result<(), MachineError> {
    if let Some(session) = session {
        // An agent that does not answer is ended with its machine.
        let _ = tokio::time::timeout(POWER_OFF, session.power_off()).await;
    }
    backend.stop(Deadline::after(STOP)).await
}
