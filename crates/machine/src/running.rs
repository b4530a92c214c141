//! A running machine with an open session to its agent: the object that commands work with.

use super::backend::{BACKENDS, BackendMachine, EXIT_NOTICE, SessionRequest, StartRequest};
use super::backend::{backend_of_folder, died, open_session};
use super::boot_wait::BootWait;
use super::error::MachineError;
use super::folder::{FolderError, MachineFolder};
use super::guard::{self, MachineGuard, resume_if_silent};
use super::record::MachineRecord;
use super::resources;
use super::spec::{Lifetime, MachineName, MachineSpec};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::{Lock, Store};
use vmbuild_guest::{RaceResult, Session, SessionError, SessionOpening};
use vmbuild_supervise::Deadline;

/// Time the agent has to answer a request to power off.
const POWER_OFF: Duration = Duration::from_secs(5);
/// Time a named machine's agent has to answer before its machine is stopped without it.
const ATTACH: Duration = Duration::from_secs(15);
/// Time a machine has to stop.
const STOP: Duration = Duration::from_secs(30);

/// A running machine. Dropping it kills a job's machine; its folder is then left to the next command's sweep.
#[derive(Debug)]
pub struct Machine {
    spec: MachineSpec,
    folder: MachineFolder,
    // Behind a lock because the machine is watched while its session is used.
    running: Mutex<Box<dyn BackendMachine>>,
    session: Session,
    reached: Option<RaceResult>,
    record: MachineRecord,
    events: Option<Events>,
    owner: Option<Lock>,
}

/// A machine that was stopped and not removed.
#[derive(Debug)]
pub struct StoppedMachine {
    /// Its folder.
    pub folder: MachineFolder,
    /// Keeps the machine from being used by another vmbuild, until it is dropped.
    pub owner: Lock,
}

impl Machine {
    /// Starts a machine and opens the session with its agent. A named machine that was stopped is started again
    /// with its files, if it is made of the same things.
    pub async fn start(
        spec: MachineSpec,
        store: &Store,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, MachineError> {
        resources::check(&spec, &store.machines(), events)?;
        let (folder, owner) = claim(&spec, store).await?;
        let request = StartRequest { spec: &spec, folder: &folder, events, cancel };
        match bring_up(request, store).await {
            Ok((running, session, record)) => {
                let (running, events) = (Mutex::new(running), Some(events.clone()));
                let reached = record.reached.clone();
                Ok(Self { spec, folder, running, session, reached, record, events, owner: Some(owner) })
            }
            // Its console is kept for the user.
            Err(error @ (MachineError::Died { .. } | MachineError::NoAnswer { .. })) => Err(error),
            Err(error) => {
                if spec.lifetime == Lifetime::Job {
                    // The first error is the one to report; the next command's sweep tries again.
                    let _ = remove(&folder, &CancellationToken::new()).await;
                }
                Err(error)
            }
        }
    }

    /// Attaches to a running named machine.
    pub async fn attach(store: &Store, name: &MachineName, cancel: &CancellationToken) -> Result<Self, MachineError> {
        let folder = MachineFolder::find(&store.machines(), name.clone())?;
        let record = folder.read_record()?.ok_or_else(|| MachineError::NotRunning(name.clone()))?;
        if !folder.is_running()? {
            return Err(MachineError::NotRunning(name.clone()));
        }
        let mut machine = record.spec.backend().backend().attach(&folder, &record)?;
        let request = session_request(&record.spec, SessionOpening::Again);
        let (session, reached) = tokio::select! {
            opened = Box::pin(open_session(machine.as_mut(), &folder, request, cancel)) => opened?,
            stuck = resume_if_silent(&folder, &record) => return Err(stuck),
        };
        let (spec, running) = (record.spec.clone(), Mutex::new(machine));
        Ok(Self { spec, folder, running, session, reached: Some(reached), record, events: None, owner: None })
    }

    /// Reports warnings about the machine while a request is pending.
    #[must_use]
    pub fn telling(self, events: &Events) -> Self {
        Self { events: Some(events.clone()), ..self }
    }

    /// The session with its agent.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The transport that the session was opened over, and why not over others.
    pub fn reached(&self) -> Option<&RaceResult> {
        self.reached.as_ref()
    }

    /// The machine as data.
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
            Err(refused @ (SessionError::Refused(_) | SessionError::Output(_))) => Err(refused.into()),
            Err(error) => match tokio::time::timeout(EXIT_NOTICE, self.death()).await {
                Ok(death) => Err(death),
                Err(_) => Err(error.into()),
            },
        }
    }

    /// As `watch`, for a whole piece of work. Work that fails because the machine died says that it died.
    pub async fn carry<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match self.watch(work).await? {
            Err(failure) if failure.exit() != Exit::Interrupted => {
                match tokio::time::timeout(EXIT_NOTICE, self.death()).await {
                    Ok(death) => Err(death.into()),
                    Err(_) => Err(failure),
                }
            }
            outcome => outcome,
        }
    }

    /// Stops it, unless it has exited by itself: then its folder, with its console, is left to the next command.
    pub async fn stop_if_alive(self) -> Result<(), MachineError> {
        match tokio::time::timeout(Duration::ZERO, self.death()).await {
            Ok(_) => Ok(()),
            Err(_) => self.stop().await,
        }
    }

    /// Watches the machine until it has exited or can no longer be reached.
    async fn death(&self) -> MachineError {
        let mut machine = self.running.lock().await;
        let pausable = self.spec.backend().backend().features().pausable;
        let record = pausable.then_some(&self.record);
        let (folder, session, events) = (&self.folder, &self.session, self.events.as_ref());
        let guard = MachineGuard { folder, record, session, events, patience: guard::USUAL_PATIENCE };
        tokio::select! {
            exit_report = machine.exited() => died(&self.folder, exit_report),
            silence = Box::pin(guard.watch()) => {
                MachineError::Silent { name: self.folder.name().clone(), silence, log: self.folder.console() }
            }
        }
    }

    /// Stops it. A job's machine is removed.
    pub async fn stop(self) -> Result<(), MachineError> {
        let lifetime = self.spec.lifetime;
        let kept = self.stop_keeping().await?;
        if lifetime == Lifetime::Job {
            remove(&kept.folder, &CancellationToken::new()).await?;
        }
        Ok(())
    }

    /// Stops it and keeps its files.
    pub async fn stop_keeping(mut self) -> Result<StoppedMachine, MachineError> {
        let owner = match self.owner.take() {
            Some(owner) => owner,
            None => self.folder.take_owner_lock().await?.ok_or_else(|| FolderError::Busy(self.spec.name.clone()))?,
        };
        // An agent that does not answer is stopped with its machine.
        let _ = tokio::time::timeout(POWER_OFF, self.session.power_off()).await;
        self.running.get_mut().stop(Deadline::after(STOP)).await?;
        Ok(StoppedMachine { folder: self.folder, owner })
    }
}

/// Starts the machine and opens its first session. The record is written before, so that others can stop the machine,
/// and again once it is known how the agent was reached.
async fn bring_up(
    request: StartRequest<'_>,
    store: &Store,
) -> Result<(Box<dyn BackendMachine>, Session, MachineRecord), MachineError> {
    let StartRequest { spec, folder, events, cancel } = request;
    let previous = folder.read_record()?;
    let mut machine = spec.backend().backend().start(request).await?;
    let wait = BootWait::begin(spec, store, folder, events);
    let mut record = MachineRecord::new(spec.clone(), machine.as_ref(), previous);
    let opening = async {
        folder.write_record(&record)?;
        let request = session_request(spec, SessionOpening::Fresh);
        let (session, reached) = open_session(machine.as_mut(), folder, request, cancel).await?;
        record.reached = Some(reached);
        folder.write_record(&record)?;
        Ok(session)
    };
    match wait.on(opening).await {
        Ok(session) => Ok((machine, session, record)),
        Err(error) => {
            // A named machine would outlive this error, which is the one to report.
            let _ = machine.stop(Deadline::after(STOP)).await;
            Err(error)
        }
    }
}

fn session_request(spec: &MachineSpec, opening: SessionOpening) -> SessionRequest {
    let backend = spec.backend().backend();
    let patience = backend.boot_timing(spec).patience;
    SessionRequest { opening, patience, set_clock: backend.features().own_clock }
}

/// Stops a named machine, in order if its agent answers soon, and keeps its files. A machine that does not run is no
/// error.
pub async fn end_named(
    store: &Store,
    folder: &MachineFolder,
    cancel: &CancellationToken,
) -> Result<StoppedMachine, MachineError> {
    let attached = tokio::time::timeout(ATTACH, Machine::attach(store, folder.name(), cancel)).await;
    if let Ok(Ok(machine)) = attached {
        return machine.stop_keeping().await;
    }
    let busy = || FolderError::Busy(folder.name().clone());
    let owner = folder.take_owner_lock().await?.ok_or_else(busy)?;
    if let Some(record) = folder.read_record()? {
        record.spec.backend().backend().end_leftover(folder, &record, Deadline::after(STOP)).await?;
    }
    Ok(StoppedMachine { folder: folder.clone(), owner })
}

/// Stops a named machine and removes it with everything it had.
pub async fn destroy_named(
    store: &Store,
    folder: &MachineFolder,
    cancel: &CancellationToken,
) -> Result<(), MachineError> {
    if backend_of_folder(folder).is_some_and(|backend| backend.features().removal_stops) {
        let busy = || FolderError::Busy(folder.name().clone());
        let _owner = folder.take_owner_lock().await?.ok_or_else(busy)?;
        return remove(folder, cancel).await;
    }
    let kept = end_named(store, folder, cancel).await?;
    remove(&kept.folder, cancel).await
}

/// Removes a stopped machine, and everything its backend keeps outside the folder. The caller holds the owner's lock.
pub async fn remove(folder: &MachineFolder, cancel: &CancellationToken) -> Result<(), MachineError> {
    for backend in BACKENDS {
        backend.remove_leftovers(folder).await?;
    }
    Ok(folder.remove(cancel).await?)
}

/// A folder for the machine, with its owner's lock: a new one, or that of the same named machine, stopped.
async fn claim(spec: &MachineSpec, store: &Store) -> Result<(MachineFolder, Lock), FolderError> {
    let taken = match MachineFolder::create(&store.machines(), spec.name.clone()) {
        Err(FolderError::Exists(name)) if spec.lifetime == Lifetime::Named => name,
        made => return made,
    };
    let folder = MachineFolder::find(&store.machines(), taken.clone())?;
    let owner = folder.take_owner_lock().await?.ok_or_else(|| FolderError::Busy(taken.clone()))?;
    let same = folder.read_record()?.is_none_or(|record| record.spec.start == spec.start);
    if same && !folder.is_running()? { Ok((folder, owner)) } else { Err(FolderError::Exists(taken)) }
}
