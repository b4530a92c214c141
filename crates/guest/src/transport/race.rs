//! All ways at once, and the first agent to answer decides.

use super::connect::connect_tracked;
use super::{ConnectError, SshError, Transport, TransportKind};
use crate::session::{Opening, Session, SessionError};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vmbuild_supervise::Deadline;

/// How long to leave a way alone on which nobody listens yet.
const PAUSE: Duration = Duration::from_millis(20);
/// The same for a vsock device while its guest boots. It keeps every request for a guest without a driver, and the guest
/// then has to refuse them one by one, before it does anything else.
const BOOT_PAUSE: Duration = Duration::from_millis(500);
/// How long one attempt to connect may take before the next: a device that asks a guest without a driver may never
/// hear of it again.
const ATTEMPT: Duration = Duration::from_secs(1);
/// The same for SSH, which logs in and may have to send the agent first, to an emulated machine perhaps.
const SSH_ATTEMPT: Duration = Duration::from_mins(2);

/// Who won, and why the others did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaceResult {
    /// The way of the first answer.
    pub winner: TransportKind,
    /// From the start of the race to the answer, in milliseconds.
    pub millis: u64,
    /// The other ways, in the order they were given.
    pub losers: Vec<FailedTransport>,
}

/// A way that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedTransport {
    /// Which.
    pub transport: TransportKind,
    /// Why, for people.
    pub reason: String,
}

/// Why nobody won.
#[derive(Debug, thiserror::Error)]
pub enum RaceError {
    /// An agent answered that cannot be spoken to, or the user interrupted.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// SSH did not lead to an agent, and would not the next time.
    #[error(transparent)]
    Ssh(Box<SshError>),
    /// Nobody answered in time; the reason of the way that came furthest.
    #[error("no way led to the agent")]
    Nobody(#[source] io::Error),
}

/// Tries all ways until an agent answers on one. Those that have lost are dropped, when what they asked of a vsock
/// device has been answered: that takes as long as the guest needs for a packet.
pub async fn race(
    ways: &[Transport],
    opening: Opening,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<(Session, RaceResult), RaceError> {
    let asked = TaskTracker::new();
    let decided = decide(ways, &asked, opening, deadline, cancel).await;
    asked.close();
    let _ = tokio::time::timeout(ATTEMPT, asked.wait()).await;
    decided
}

async fn decide(
    ways: &[Transport],
    asked: &TaskTracker,
    opening: Opening,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<(Session, RaceResult), RaceError> {
    let (since, standing) = (Instant::now(), Standing::new(ways));
    let mut runners: FuturesUnordered<_> =
        (0..ways.len()).map(|lane| run((&ways[lane], asked), lane, &standing, opening, deadline, cancel)).collect();
    let mut out = None;
    while let Some((lane, outcome)) = runners.next().await {
        match outcome {
            Ok(session) => {
                let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                return Ok((session, standing.result(lane, millis)));
            }
            // Another way leads to the same agent, and waiting on does not change the user's mind.
            Err(error @ RaceError::Session(SessionError::WrongBuild { .. } | SessionError::Cancelled)) => {
                return Err(error);
            }
            Err(error) => {
                standing.note(lane, &error);
                // An agent's silence says more than a socket that is not there.
                out = Some(match out {
                    Some(first @ (RaceError::Session(_) | RaceError::Ssh(_))) => first,
                    _ => error,
                });
            }
        }
    }
    Err(out.unwrap_or_else(|| RaceError::Nobody(io::ErrorKind::NotFound.into())))
}

/// One way: connects until somebody accepts, then says hello until somebody answers.
async fn run(
    (way, asked): (&Transport, &TaskTracker),
    lane: usize,
    standing: &Standing<'_>,
    opening: Opening,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> (usize, Result<Session, RaceError>) {
    // Over SSH each connection has an agent of its own, and nothing in it.
    let opening = if way.kind() == TransportKind::Ssh { Opening::Fresh } else { opening };
    loop {
        let refused = match tokio::time::timeout(attempt(way), connect_tracked(way, asked)).await {
            Ok(Ok(pipe)) => {
                standing.say(lane, "accepted the connection, and no agent had answered yet");
                return (lane, Session::open(pipe, opening, deadline, cancel).await.map_err(RaceError::from));
            }
            Ok(Err(refused)) => refused,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "the connection was not accepted").into(),
        };
        standing.say(lane, &refused.to_string());
        if deadline.passed() || !refused.may_pass() {
            return (lane, Err(refused.into()));
        }
        tokio::select! {
            () = cancel.cancelled() => return (lane, Err(SessionError::Cancelled.into())),
            () = tokio::time::sleep(pause(way, opening)) => {}
        }
    }
}

fn pause(way: &Transport, opening: Opening) -> Duration {
    match (way, opening) {
        (Transport::VhostUserVsock { .. }, Opening::Fresh) => BOOT_PAUSE,
        _ => PAUSE,
    }
}

fn attempt(way: &Transport) -> Duration {
    match way {
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

/// How each way stands: the last thing that kept it from winning.
struct Standing<'a> {
    ways: &'a [Transport],
    reasons: RefCell<Vec<String>>,
}

impl<'a> Standing<'a> {
    fn new(ways: &'a [Transport]) -> Self {
        Self { ways, reasons: RefCell::new(vec!["was not reached yet".to_owned(); ways.len()]) }
    }

    fn say(&self, lane: usize, reason: &str) {
        reason.clone_into(&mut self.reasons.borrow_mut()[lane]);
    }

    fn note(&self, lane: usize, error: &RaceError) {
        match error {
            RaceError::Nobody(source) => self.say(lane, &source.to_string()),
            RaceError::Session(error) => self.say(lane, &error.to_string()),
            RaceError::Ssh(error) => self.say(lane, &error.to_string()),
        }
    }

    fn result(&self, won: usize, millis: u64) -> RaceResult {
        let reasons = self.reasons.take();
        let all = self.ways.iter().zip(reasons).enumerate();
        let losers = all.filter(|(lane, _)| *lane != won);
        RaceResult {
            winner: self.ways[won].kind(),
            millis,
            losers: losers.map(|(_, (way, reason))| FailedTransport { transport: way.kind(), reason }).collect(),
        }
    }
}
