//! Looking after a machine while something is asked of it.
//!
//! Three things end in a wait without end: a host disk that is full (QEMU then pauses the guest instead of giving its
//! programs write errors), an agent that no longer answers, and a guest that hangs. None of them ends a process, so
//! none is seen by waiting for one. The guard asks: the agent for a sign of life, QEMU for its state.

use super::error::MachineError;
use super::folder::{MachineFolder, MachineRecord};
use super::room::{self, RoomError};
use super::{Backend, qemu};
use crate::event::{Events, Part};
use crate::guest::Session;
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vmbuild_protocol::Clock;

/// Between two looks at the disk.
const LOOK: Duration = Duration::from_secs(2);
/// Looks between two questions to QEMU, as long as there is room.
const QUESTION: u32 = 10;
/// Silence after which the agent is asked for a sign of life.
const BEAT: Duration = Duration::from_secs(10);
/// Silence that people are told of.
const STALL: Duration = Duration::from_mins(1);
/// Silence after which nobody believes in an answer: an emulated guest on a busy host has been seen to need a minute.
const LOST: Duration = Duration::from_mins(10);
/// Room on disk below which QEMU is asked at every look, and above which a paused machine goes on, in bytes.
const ROOM: u64 = 300_000_000;
/// QEMU's word for a machine that it has paused because a write failed. Source: QMP reference manual, `RunState`.
pub(crate) const PAUSED: &str = "io-error";
/// How much of the console goes with a stall.
const LINES: usize = 4;

/// A machine to look after.
pub(super) struct Guard<'a> {
    pub(super) folder: &'a MachineFolder,
    /// Of a machine under QEMU.
    pub(super) record: Option<&'a MachineRecord>,
    pub(super) session: &'a Session,
    pub(super) events: Option<&'a Events>,
}

impl Guard<'_> {
    /// Looks after it until the agent has been silent for too long; returns for how long.
    pub(super) async fn keep(&self) -> Duration {
        let watch = async { match self.watch_disk().await {} };
        tokio::select! {
            silence = self.hear() => silence,
            never = watch => never,
        }
    }

    /// Asks for signs of life. A machine that is paused gives none, and nobody is to blame.
    async fn hear(&self) -> Duration {
        let mut told = false;
        let mut paused = Duration::ZERO;
        loop {
            tokio::time::sleep(BEAT).await;
            if self.session.silent_for() < BEAT {
                (told, paused) = (false, Duration::ZERO);
                continue;
            }
            // Any answer counts, and so does anything else that is heard meanwhile.
            let _ = tokio::time::timeout(BEAT, self.session.ping()).await;
            let silence = self.session.silent_for();
            if self.is_paused().await {
                paused = silence;
            }
            let silence = silence.saturating_sub(paused);
            if silence >= LOST {
                return silence;
            }
            if silence >= STALL && !told {
                told = true;
                self.warn(stalled(silence, &self.folder.console_tail().lines()));
            }
        }
    }

    /// Lets the machine go on once there is room again.
    async fn watch_disk(&self) -> Infallible {
        let (mut looks, mut since) = (0u32, None::<Instant>);
        loop {
            tokio::time::sleep(LOOK).await;
            looks = looks.wrapping_add(1);
            let Ok(free) = room::free_disk(self.folder.path()) else { continue };
            if free >= ROOM && since.is_none() && looks % QUESTION != 0 {
                continue;
            }
            match (self.is_paused().await, since) {
                (true, None) => {
                    since = Some(Instant::now());
                    self.warn(full(free, self.folder));
                }
                (true, Some(begin)) if free >= ROOM => self.go_on(begin).await,
                (false, Some(_)) => since = None,
                _ => {}
            }
        }
    }

    async fn is_paused(&self) -> bool {
        let Some(record) = self.record else { return false };
        is_paused(self.folder, record).await
    }

    async fn go_on(&self, begin: Instant) {
        let Some(record) = self.record else { return };
        if qemu::resume(self.folder, record).await.is_err() {
            return;
        }
        set_clock(self.session).await;
        if let Some(events) = self.events {
            events
                .note(Part::Machine, format!("there is room again: it goes on after {} s", begin.elapsed().as_secs()));
        }
    }

    fn warn(&self, text: String) {
        if let Some(events) = self.events {
            events.warn(Part::Machine, text);
        }
    }
}

/// Whether QEMU has paused it because its disk could not be written.
async fn is_paused(folder: &MachineFolder, record: &MachineRecord) -> bool {
    // A monitor that serves somebody else is asked again at the next look.
    qemu::status(folder, record).await.is_ok_and(|status| status.state == PAUSED)
}

/// Lets a machine go on that was paused while nobody looked after it, if there is room by now. Its agent would not
/// answer before.
pub(super) async fn wake(folder: &MachineFolder, record: &MachineRecord) -> Result<(), MachineError> {
    if record.spec.backend() != Backend::Qemu || !is_paused(folder, record).await {
        return Ok(());
    }
    let free = room::free_disk(folder.path())?;
    if free < ROOM {
        return Err(RoomError::Paused { name: folder.name().clone(), free, needed: ROOM }.into());
    }
    Ok(qemu::resume(folder, record).await?)
}

/// Sets the guest's clock to the host's. One that was paused or booted slowly is behind; a guest that refuses keeps
/// its own.
pub(super) async fn set_clock(session: &Session) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = Clock { unix_nanos: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX) };
    let _ = session.set_clock(clock).await;
}

fn full(free: u64, folder: &MachineFolder) -> String {
    format!(
        "paused: the host's disk is full ({} MB free at {}); it goes on by itself when {} MB are free",
        free / 1_000_000,
        folder.path().display(),
        ROOM / 1_000_000
    )
}

pub(super) fn stalled(silence: Duration, console: &[String]) -> String {
    let last = &console[console.len().saturating_sub(LINES)..];
    let console = if last.is_empty() {
        " and its console is empty".to_owned()
    } else {
        format!("; its console's last lines:\n{}", last.join("\n"))
    };
    format!("nothing heard from the agent for {} s{console}", silence.as_secs())
}

#[cfg(test)]
mod tests {
    use super::stalled;
    use std::time::Duration;

    #[test]
    fn a_stall_is_told_with_the_consoles_end() {
        let minute = Duration::from_mins(1);
        assert_eq!(stalled(minute, &[]), "nothing heard from the agent for 60 s and its console is empty");
        let lines: Vec<String> = (1..=6).map(|number| format!("line {number}")).collect();
        insta::assert_snapshot!(stalled(minute, &lines), @r"
        nothing heard from the agent for 60 s; its console's last lines:
        line 3
        line 4
        line 5
        line 6
        ");
    }
}
