//! A race of all transports, won by the first that reaches the agent.

use super::connect::connect_tracked;
use super::{ConnectError, SshError, Transport, TransportKind};
use crate::session::{Session, SessionError, SessionOpening};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vmbuild_supervise::Deadline;

/// Pause before the next attempt on a transport on which nothing listens yet.
const PAUSE: Duration = Duration::from_millis(20);
/// The same for a vsock device while its guest boots. It keeps every request for a guest without a driver, and the guest
/// then has to refuse them one by one, before it does anything else.
const BOOT_PAUSE: Duration = Duration::from_millis(500);
/// How long one attempt to connect may take before the next: a device that forwards a request to a guest without a
/// driver may never get an answer.
const ATTEMPT: Duration = Duration::from_secs(1);
/// The same for SSH, which logs in and may have to send the agent first, possibly to an emulated machine.
const SSH_ATTEMPT: Duration = Duration::from_mins(2);

/// The winner of a race, and why the other transports lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaceResult {
    /// The transport of the first answer.
    pub winner: TransportKind,
    /// From the start of the race to the answer, in milliseconds.
    pub millis: u64,
    /// The other transports, in the order given.
    pub losers: Vec<FailedTransport>,
}

/// A transport that lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedTransport {
    /// Its kind.
    pub transport: TransportKind,
    /// Why it lost, for people.
    pub reason: String,
}

/// Errors of a race that nothing won.
#[derive(Debug, thiserror::Error)]
pub enum RaceError {
    /// An agent of another build answered, or the user interrupted.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// SSH did not reach an agent, and another attempt would not either.
    #[error(transparent)]
    Ssh(Box<SshError>),
    /// No agent answered in time; the reason of the transport that got furthest.
    #[error("could not reach the agent over any transport")]
    Nobody(#[source] io::Error),
}

/// Tries all transports until an agent answers on one. The losers are dropped once a vsock device has answered their
/// requests: that takes as long as the guest needs for a packet.
pub async fn race(
    transports: &[Transport],
    opening: SessionOpening,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<(Session, RaceResult), RaceError> {
    let connections = TaskTracker::new();
    let decided = decide(transports, &connections, opening, deadline, cancel).await;
    connections.close();
    let _ = tokio::time::timeout(ATTEMPT, connections.wait()).await;
    decided
}

async fn decide(
    transports: &[Transport],
    connections: &TaskTracker,
    opening: SessionOpening,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<(Session, RaceResult), RaceError> {
    let (since, standings) = (Instant::now(), RaceStandings::new(transports));
    let lanes = transports.iter().enumerate().map(|(index, transport)| RaceLane { index, transport, connections });
    let mut runners: FuturesUnordered<_> =
        lanes.map(|lane| run_lane(lane, &standings, opening, deadline, cancel)).collect();
    let mut out = None;
    while let Some((lane, outcome)) = runners.next().await {
        match outcome {
            Ok(session) => {
                let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(millis, "an agent answered over {}", transports[lane].kind());
                return Ok((session, standings.result(lane, millis)));
            }
            // Another transport leads to the same agent, and the user's decision stands.
            Err(error @ RaceError::Session(SessionError::WrongBuild { .. } | SessionError::Cancelled)) => {
                return Err(error);
            }
            Err(error) => {
                tracing::debug!("{} lost: {error}", transports[lane].kind());
                standings.note_error(lane, &error);
                // An agent's silence is more telling than a missing socket.
                out = Some(match out {
                    Some(first @ (RaceError::Session(_) | RaceError::Ssh(_))) => first,
                    _ => error,
                });
            }
        }
    }
    Err(out.unwrap_or_else(|| RaceError::Nobody(io::ErrorKind::NotFound.into())))
}

/// One transport in the race.
struct RaceLane<'a> {
    /// Its place among the transports.
    index: usize,
    transport: &'a Transport,
    /// The connections under way, which may outlive the race.
    connections: &'a TaskTracker,
}

/// Runs one lane: connects until the connection is accepted, then says hello until the agent answers.
async fn run_lane(
    lane: RaceLane<'_>,
    standings: &RaceStandings<'_>,
    opening: SessionOpening,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> (usize, Result<Session, RaceError>) {
    let RaceLane { index, transport, connections } = lane;
    // Over SSH each connection has an agent of its own, and nothing in it.
    let opening = if transport.kind() == TransportKind::Ssh { SessionOpening::Fresh } else { opening };
    loop {
        let refused =
            match tokio::time::timeout(attempt_limit(transport), connect_tracked(transport, connections)).await {
                Ok(Ok(pipe)) => {
                    standings.set_reason(index, "accepted the connection, and no agent had answered yet");
                    return (index, Session::open(pipe, opening, deadline, cancel).await.map_err(RaceError::from));
                }
                Ok(Err(refused)) => refused,
                Err(_) => io::Error::new(io::ErrorKind::TimedOut, "the connection was not accepted").into(),
            };
        tracing::trace!("{}: {refused}", transport.kind());
        standings.set_reason(index, &refused.to_string());
        if deadline.passed() || !refused.may_pass() {
            return (index, Err(refused.into()));
        }
        tokio::select! {
            () = cancel.cancelled() => return (index, Err(SessionError::Cancelled.into())),
            () = tokio::time::sleep(pause(transport, opening)) => {}
        }
    }
}

fn pause(transport: &Transport, opening: SessionOpening) -> Duration {
    match (transport, opening) {
        (Transport::VhostUserVsock { .. }, SessionOpening::Fresh) => BOOT_PAUSE,
        _ => PAUSE,
    }
}

fn attempt_limit(transport: &Transport) -> Duration {
    match transport {
        Transport::Ssh(_) => SSH_ATTEMPT,
        _ => ATTEMPT,
    }
}

impl From<ConnectError> for RaceError {
    fn from(refused: ConnectError) -> Self {
        match refused {
            ConnectError::Io(source) => Self::Nobody(source),
            ConnectError::Ssh(error) => Self::Ssh(error),
        }
    }
}

/// The last thing that kept each transport from winning.
struct RaceStandings<'a> {
    transports: &'a [Transport],
    reasons: RefCell<Vec<String>>,
}

impl<'a> RaceStandings<'a> {
    fn new(transports: &'a [Transport]) -> Self {
        Self { transports, reasons: RefCell::new(vec!["was not reached yet".to_owned(); transports.len()]) }
    }

    fn set_reason(&self, lane: usize, reason: &str) {
        reason.clone_into(&mut self.reasons.borrow_mut()[lane]);
    }

    fn note_error(&self, lane: usize, error: &RaceError) {
        match error {
            RaceError::Nobody(source) => self.set_reason(lane, &source.to_string()),
            RaceError::Session(error) => self.set_reason(lane, &error.to_string()),
            RaceError::Ssh(error) => self.set_reason(lane, &error.to_string()),
        }
    }

    fn result(&self, won: usize, millis: u64) -> RaceResult {
        let reasons = self.reasons.take();
        let all = self.transports.iter().zip(reasons).enumerate();
        let losers = all.filter(|(lane, _)| *lane != won);
        RaceResult {
            winner: self.transports[won].kind(),
            millis,
            losers: losers
                .map(|(_, (transport, reason))| FailedTransport { transport: transport.kind(), reason })
                .collect(),
        }
    }
}
