//! Watching a machine while a request to it is pending.
//!
//! Three things make a request wait forever: a full host disk (QEMU then pauses the guest instead of giving its programs
//! write errors), an agent that no longer answers, and a guest that hangs. No process ends in these cases, so waiting for
//! one does not detect them. The guard pings the agent and asks the backend for the machine's state. It also warns when
//! the host runs out of memory, because the kernel then kills the largest process.

use super::error::MachineError;
use super::folder::MachineFolder;
use super::record::MachineRecord;
use super::resources::{self, RoomError};
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vmbuild_core::event::{Events, Part};
use vmbuild_guest::Session;
use vmbuild_protocol::Clock;

/// Interval between two checks of disk and memory.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// How long an agent's answer may take before the backend is asked whether the machine is paused. The usual answer
/// takes a hundredth of it.
const SILENCE_BEFORE_CHECK: Duration = Duration::from_millis(500);
/// Number of checks between two questions to the backend, while there is enough disk space.
const CHECKS_PER_QUESTION: u32 = 10;
/// Free disk space in bytes below which the backend is asked at every check, and from which a paused machine is resumed.
const RESUME_BYTES: u64 = 300_000_000;
/// QEMU's run state of a machine that it has paused because a write failed. Source: QMP reference manual, `RunState`.
pub const PAUSED: &str = "io-error";
/// Console lines that a warning about a stall shows.
const LINES: usize = 4;

/// Time an agent may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SilencePatience {
    /// Until it is pinged.
    beat: Duration,
    /// Until a warning.
    stall: Duration,
    /// Until the machine is given up.
    lost: Duration,
}

/// An emulated guest on a busy host was seen to need a minute for an answer.
pub(super) const USUAL_PATIENCE: SilencePatience =
    SilencePatience { beat: Duration::from_secs(10), stall: Duration::from_mins(1), lost: Duration::from_mins(10) };

/// Watches a machine.
pub(super) struct MachineGuard<'a> {
    pub(super) folder: &'a MachineFolder,
    /// Of a machine whose backend can pause it.
    pub(super) record: Option<&'a MachineRecord>,
    pub(super) session: &'a Session,
    pub(super) events: Option<&'a Events>,
    pub(super) patience: SilencePatience,
}

impl MachineGuard<'_> {
    /// Watches until the agent has been silent for too long; returns for how long.
    pub(super) async fn watch(&self) -> Duration {
        tokio::select! {
            silence = self.watch_agent() => silence,
            never = self.watch_disk() => match never {},
            never = self.watch_memory() => match never {},
        }
    }

    /// Pings the agent. Time that the machine is paused does not count.
    async fn watch_agent(&self) -> Duration {
        let SilencePatience { beat, stall, lost } = self.patience;
        let mut warned = false;
        let mut paused = Duration::ZERO;
        loop {
            tokio::time::sleep(beat).await;
            if self.session.silent_for() < beat {
                (warned, paused) = (false, Duration::ZERO);
                continue;
            }
            // Any answer counts, and so does anything else that arrives meanwhile.
            let _ = tokio::time::timeout(beat, self.session.ping()).await;
            let silence = self.session.silent_for();
            if self.is_paused().await {
                paused = silence;
            }
            let silence = silence.saturating_sub(paused);
            if silence >= lost {
                return silence;
            }
            if silence >= stall && !warned {
                warned = true;
                self.warn(stalled(silence, &self.folder.console_tail().lines()));
            }
        }
    }

    /// Resumes the machine once there is enough disk space again.
    async fn watch_disk(&self) -> Infallible {
        let (mut checks, mut since) = (0u32, None::<Instant>);
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            checks = checks.wrapping_add(1);
            let Ok(free) = resources::free_disk(self.folder.path()) else { continue };
            if free >= RESUME_BYTES && since.is_none() && checks % CHECKS_PER_QUESTION != 0 {
                continue;
            }
            match (self.is_paused().await, since) {
                (true, None) => {
                    since = Some(Instant::now());
                    self.warn(paused_warning(free, self.folder));
                }
                (true, Some(begin)) if free >= RESUME_BYTES => self.resume(begin).await,
                (false, Some(_)) => since = None,
                _ => {}
            }
        }
    }

    /// Warns of a host that runs out of memory.
    async fn watch_memory(&self) -> Infallible {
        let mut low_memory = resources::LowMemoryWarning::default();
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if let Some(warning) = resources::free_memory().and_then(|free| low_memory.update(free)) {
                self.warn(warning);
            }
        }
    }

    async fn is_paused(&self) -> bool {
        let Some(record) = self.record else { return false };
        record.spec.backend().backend().is_paused(self.folder, record).await
    }

    async fn resume(&self, begin: Instant) {
        let Some(record) = self.record else { return };
        if record.spec.backend().backend().resume(self.folder, record).await.is_err() {
            return;
        }
        set_clock(self.session);
        if let Some(events) = self.events {
            events.note(
                Part::Machine,
                format!("resumed after {} s: enough disk space is free again", begin.elapsed().as_secs()),
            );
        }
    }

    fn warn(&self, text: String) {
        if let Some(events) = self.events {
            events.warn(Part::Machine, text);
        }
    }
}

/// If the agent does not answer soon, resumes the machine if it is paused. Returns only if it cannot be resumed.
pub(super) async fn resume_if_silent(folder: &MachineFolder, record: &MachineRecord) -> MachineError {
    tokio::time::sleep(SILENCE_BEFORE_CHECK).await;
    match resume_paused(folder, record).await {
        Ok(()) => std::future::pending().await,
        Err(error) => error,
    }
}

/// Resumes a machine that was paused while no vmbuild watched it, if there is enough disk space by now. Its agent would
/// not answer before.
async fn resume_paused(folder: &MachineFolder, record: &MachineRecord) -> Result<(), MachineError> {
    let backend = record.spec.backend().backend();
    if !backend.features().pausable || !backend.is_paused(folder, record).await {
        return Ok(());
    }
    let free = resources::free_disk(folder.path())?;
    if free < RESUME_BYTES {
        return Err(RoomError::Paused { name: folder.name().clone(), free, needed: RESUME_BYTES }.into());
    }
    backend.resume(folder, record).await
}

/// Sets the guest's clock to the host's, before any later request. A guest that was paused or booted slowly is behind; one
/// that refuses keeps its clock.
pub(super) fn set_clock(session: &Session) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = Clock { unix_nanos: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX) };
    session.set_clock(clock);
}

fn paused_warning(free: u64, folder: &MachineFolder) -> String {
    format!(
        "paused: the host's disk is full ({} MB free in {}); resumes by itself once {} MB are free",
        free / 1_000_000,
        folder.path().display(),
        RESUME_BYTES / 1_000_000
    )
}

pub(super) fn stalled(silence: Duration, console: &[String]) -> String {
    let last = &console[console.len().saturating_sub(LINES)..];
    let console = if last.is_empty() {
        " and the console is empty".to_owned()
    } else {
        format!("; last console lines:\n{}", last.join("\n"))
    };
    format!("no answer from the agent for {} s{console}", silence.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{MachineFolder, MachineGuard, SilencePatience, stalled};
    use std::time::{Duration, Instant};
    use tokio_util::sync::CancellationToken;
    use vmbuild_agent::guest::GuestSystem;
    use vmbuild_agent::session::serve_pipe;
    use vmbuild_core::event::{EventKind, Events};
    use vmbuild_guest::{Session, SessionOpening};
    use vmbuild_supervise::Deadline;

    const MILLI: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn an_agent_that_answers_is_left_alone_and_a_mute_one_told_of_and_given_up() {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let mut agent = Box::pin(serve_pipe(theirs, GuestSystem::complete(false)));
        let never = CancellationToken::new();
        let open = Session::open(ours, SessionOpening::Fresh, Deadline::after(MILLI * 60_000), &never);
        let session = tokio::select! {
            session = open => session.expect("it answers"),
            _ = &mut agent => panic!("the agent left"),
        };
        let temp = tempfile::tempdir().expect("a folder");
        let folder = MachineFolder::new(temp.path(), "quiet".parse().expect("a name"));
        let (events, mut heard) = Events::channel();
        let patience = SilencePatience { beat: MILLI * 20, stall: MILLI * 500, lost: MILLI * 1500 };
        let guard = MachineGuard { folder: &folder, record: None, session: &session, events: Some(&events), patience };
        tokio::select! {
            silence = guard.watch() => panic!("it was given up after {silence:?}"),
            _ = &mut agent => panic!("the agent left"),
            () = tokio::time::sleep(patience.lost * 2) => {}
        }
        assert!(heard.try_recv().is_err(), "pings are answered: there is nothing to tell");

        // From here on nobody runs the agent.
        let since = Instant::now();
        let silence = guard.watch().await;
        assert!(silence >= patience.lost && since.elapsed() >= patience.lost / 2, "{silence:?}");
        let event = heard.try_recv().expect("a warning");
        let EventKind::Warning { text, .. } = event.kind else { panic!("{event:?}") };
        assert!(text.starts_with("no answer from the agent for"), "{text}");
        assert!(heard.try_recv().is_err(), "it is told once");
    }

    #[test]
    fn a_stall_is_told_with_the_consoles_end() {
        let minute = Duration::from_mins(1);
        assert_eq!(stalled(minute, &[]), "no answer from the agent for 60 s and the console is empty");
        let lines: Vec<String> = (1..=6).map(|number| format!("line {number}")).collect();
        insta::assert_snapshot!(stalled(minute, &lines), @r"
        no answer from the agent for 60 s; last console lines:
        line 3
        line 4
        line 5
        line 6
        ");
    }
}
