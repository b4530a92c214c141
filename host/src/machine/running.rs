//! A machine that runs, with an open session to its agent: what commands work with.

use super::boot_wait::BootWait;
use super::error::MachineError;
use super::folder::{FolderError, MachineFolder, MachineRecord};
use super::guard::{Guard, set_clock};
use super::qemu::{Qemu, VsockRecord};
use super::sandbox::Sandbox;
use super::spec::{Lifetime, MachineName, MachineSpec, Start};
use super::{ProcessIdentity, qemu, room, sandbox, spec::Backend};
use crate::event::Events;
use crate::failure::{Exit, Failure};
use crate::guest::{Loser, Opening, RaceError, RaceResult, Session, SessionError, Transport, race};
use crate::store::{Lock, Store};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Deadline;

/// How long an agent that was asked to end the machine has to answer.
const POWER_OFF: Duration = Duration::from_secs(5);
/// How long a named machine's agent has to answer before its machine is ended without it.
const ATTACH: Duration = Duration::from_secs(15);
/// How long a machine has to end.
const STOP: Duration = Duration::from_secs(30);
/// How long a lost session may be ahead of the news that the machine has died.
const NEWS: Duration = Duration::from_secs(1);

/// A running machine. Dropping it kills a job's machine; its folder is then left to the next command's sweep.
#[derive(Debug)]
pub struct Machine {
    spec: MachineSpec,
    folder: MachineFolder,
    // Behind a lock, because the machine is watched while its session is used.
    backend: Mutex<Running>,
    session: Session,
    reached: Option<RaceResult>,
    record: MachineRecord,
    events: Option<Events>,
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
        spec: MachineSpec,
        store: &Store,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, MachineError> {
        room::check(&spec, &store.machines(), events)?;
        let (folder, owner) = claim(&spec, store).await?;
        match Self::bring_up(spec.clone(), (&folder, store), events, cancel).await {
            Ok((backend, session, record)) => {
                let (backend, events) = (Mutex::new(backend), Some(events.clone()));
                let reached = record.reached.clone();
                Ok(Self { spec, folder, backend, session, reached, record, events, owner: Some(owner) })
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
        spec: MachineSpec,
        (folder, store): (&MachineFolder, &Store),
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<(Running, Session, MachineRecord), MachineError> {
        let mut backend = Running::start(&spec, folder, events, cancel).await?;
        let wait = BootWait::begin(&spec, store, folder, events);
        let record =
            MachineRecord { vsock: backend.vsock(), ..MachineRecord::new(spec, backend.process(), backend.uuid()) };
        match wait.on(backend.open_first_session(record, folder, cancel)).await {
            Ok((session, record)) => Ok((backend, session, record)),
            Err(error) => {
                // A named machine would outlive this; what matters is why it is ended.
                let _ = backend.stop(Deadline::after(STOP)).await;
                Err(error)
            }
        }
    }

    /// Takes hold of a named machine that runs.
    pub async fn attach(store: &Store, name: &MachineName, cancel: &CancellationToken) -> Result<Self, MachineError> {
        let folder = MachineFolder::find(&store.machines(), name.clone())?;
        let record = folder.read_record()?.ok_or_else(|| MachineError::NotRunning(name.clone()))?;
        if folder.take_alive_lock().await?.is_some() {
            return Err(MachineError::NotRunning(name.clone()));
        }
        let mut backend = match record.spec.start {
            Start::Sandbox { .. } => Running::Sandbox(Box::new(Sandbox::attach(&folder, &record)?)),
            Start::Qemu { .. } | Start::FirstBoot { .. } => {
                Running::Qemu(Box::new(Qemu::attach(&folder, &record).await?))
            }
        };
        let way = (Opening::Again, patience(&record.spec.start));
        let (session, reached) = backend.open_session(&folder, way, cancel).await?;
        let (spec, backend) = (record.spec.clone(), Mutex::new(backend));
        Ok(Self { spec, folder, backend, session, reached: Some(reached), record, events: None, owner: None })
    }

    /// The session with its agent.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Over which way the session was opened, and why not over others.
    pub fn reached(&self) -> Option<&RaceResult> {
        self.reached.as_ref()
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

    /// As `watch`, for a whole piece of work. Work that fails because the machine died says that it died.
    pub async fn carry<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match self.watch(work).await? {
            Err(failure) if failure.exit() != Exit::Interrupted => {
                match tokio::time::timeout(NEWS, self.death()).await {
                    Ok(death) => Err(death.into()),
                    Err(_) => Err(failure),
                }
            }
            outcome => outcome,
        }
    }

    /// Ends it, unless it has ended by itself: then its folder, with its console, is left to the next command.
    pub async fn stop_if_alive(self) -> Result<(), MachineError> {
        match tokio::time::timeout(Duration::ZERO, self.death()).await {
            Ok(_) => Ok(()),
            Err(_) => self.stop().await,
        }
    }

    /// Looks after the machine until it has ended or can no longer be reached.
    async fn death(&self) -> MachineError {
        let mut backend = self.backend.lock().await;
        let record = (self.spec.backend() == Backend::Qemu).then_some(&self.record);
        let guard = Guard { folder: &self.folder, record, session: &self.session, events: self.events.as_ref() };
        tokio::select! {
            last_words = backend.ended() => died(&self.folder, last_words),
            silence = Box::pin(guard.keep()) => {
                MachineError::Silent { name: self.folder.name().clone(), silence, log: self.folder.console() }
            }
        }
    }

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
        // An agent that does not answer is ended with its machine.
        let _ = tokio::time::timeout(POWER_OFF, self.session.power_off()).await;
        self.backend.get_mut().stop(Deadline::after(STOP)).await?;
        Ok(Kept { folder: self.folder, owner })
    }
}

/// Ends a named machine, in order if its agent answers soon, and keeps its files. One that does not run is no error.
pub async fn end_named(
    store: &Store,
    folder: &MachineFolder,
    cancel: &CancellationToken,
) -> Result<Kept, MachineError> {
    let attached = tokio::time::timeout(ATTACH, Machine::attach(store, folder.name(), cancel)).await;
    if let Ok(Ok(machine)) = attached {
        return machine.stop_keeping().await;
    }
    let busy = || FolderError::Busy(folder.name().clone());
    let owner = folder.take_owner_lock().await?.ok_or_else(busy)?;
    if let Some(record) = folder.read_record()? {
        let deadline = Deadline::after(STOP);
        match record.spec.start {
            Start::Sandbox { .. } => sandbox::end_left_over(folder, &record, deadline).await?,
            Start::Qemu { .. } | Start::FirstBoot { .. } => qemu::end_left_over(folder, &record, deadline).await?,
        }
    }
    Ok(Kept { folder: folder.clone(), owner })
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
    if same && folder.take_alive_lock().await?.is_some() {
        Ok((folder, owner))
    } else {
        Err(FolderError::Exists(taken))
    }
}

fn died(folder: &MachineFolder, last_words: String) -> MachineError {
    MachineError::Died { name: folder.name().clone(), last_words, log: folder.console() }
}

/// How long its agent has to answer for the first time: an emulated machine boots slowly, and a distribution's own
/// start-up has much to do before it comes to the agent.
fn patience(start: &Start) -> Duration {
    match start {
        Start::Sandbox { .. } => Duration::from_mins(1),
        Start::Qemu { .. } => Duration::from_mins(3),
        Start::FirstBoot { .. } => Duration::from_mins(15),
    }
}

/// A started backend.
#[derive(Debug)]
enum Running {
    Sandbox(Box<Sandbox>),
    Qemu(Box<Qemu>),
}

impl Running {
    async fn start(
        spec: &MachineSpec,
        folder: &MachineFolder,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<Self, MachineError> {
        Ok(match spec.start {
            Start::Sandbox { .. } => Self::Sandbox(Box::new(Sandbox::start(spec, folder, events, cancel).await?)),
            Start::Qemu { .. } | Start::FirstBoot { .. } => {
                Self::Qemu(Box::new(Qemu::start(spec, folder, events, cancel).await?))
            }
        })
    }

    fn process(&self) -> ProcessIdentity {
        match self {
            Self::Sandbox(sandbox) => sandbox.process(),
            Self::Qemu(qemu) => qemu.process(),
        }
    }

    fn uuid(&self) -> Option<String> {
        match self {
            Self::Sandbox(_) => None,
            Self::Qemu(qemu) => Some(qemu.uuid()),
        }
    }

    fn vsock(&self) -> Option<VsockRecord> {
        match self {
            Self::Sandbox(_) => None,
            Self::Qemu(qemu) => Some(qemu.vsock().clone()),
        }
    }

    /// The ways to its agent; and what is no way, with the reason.
    fn ways(&self) -> (Vec<Transport>, Vec<Loser>) {
        match self {
            Self::Sandbox(sandbox) => (vec![sandbox.transport()], Vec::new()),
            Self::Qemu(qemu) => qemu.ways(),
        }
    }

    async fn ended(&mut self) -> String {
        match self {
            Self::Sandbox(sandbox) => sandbox.ended().await,
            Self::Qemu(qemu) => qemu.ended().await,
        }
    }

    async fn stop(&mut self, deadline: Deadline) -> Result<(), MachineError> {
        match self {
            Self::Sandbox(sandbox) => sandbox.stop(deadline).await?,
            Self::Qemu(qemu) => qemu.stop(deadline).await?,
        }
        Ok(())
    }

    /// The session of a machine that has just started. Its record is there before, for others to end it by, and says
    /// afterwards how the agent was reached.
    async fn open_first_session(
        &mut self,
        mut record: MachineRecord,
        folder: &MachineFolder,
        cancel: &CancellationToken,
    ) -> Result<(Session, MachineRecord), MachineError> {
        folder.write_record(&record)?;
        let way = (Opening::Fresh, patience(&record.spec.start));
        let (session, reached) = self.open_session(folder, way, cancel).await?;
        record.reached = Some(reached);
        folder.write_record(&record)?;
        Ok((session, record))
    }

    async fn open_session(
        &mut self,
        folder: &MachineFolder,
        (opening, patience): (Opening, Duration),
        cancel: &CancellationToken,
    ) -> Result<(Session, RaceResult), MachineError> {
        let ((ways, no_ways), deadline) = (self.ways(), Deadline::after(patience));
        let lost = tokio::select! {
            raced = Box::pin(race(&ways, opening, deadline, cancel)) => match raced {
                Ok((session, mut reached)) => {
                    reached.losers.extend(no_ways);
                    if matches!(self, Self::Qemu(_)) {
                        set_clock(&session).await;
                    }
                    return Ok((session, reached));
                }
                Err(lost) => unreached(folder, lost, deadline),
            },
            last_words = self.ended() => return Err(died(folder, last_words)),
        };
        match tokio::time::timeout(NEWS, self.ended()).await {
            Ok(last_words) => Err(died(folder, last_words)),
            Err(_) => Err(lost),
        }
    }
}

fn unreached(folder: &MachineFolder, lost: RaceError, deadline: Deadline) -> MachineError {
    match lost {
        RaceError::Session(error) => error.into(),
        RaceError::Ssh(error) => error.into(),
        RaceError::Nobody(source) => {
            let (name, log) = (folder.name().clone(), folder.console());
            MachineError::NoAnswer { name, limit: deadline.limit(), log, source }
        }
    }
}
