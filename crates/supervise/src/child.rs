//! A started program: its output, its end, and ending it.

use crate::started::ListedChild;
use crate::{ChildLifetime, Deadline, RunError, Tail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

/// How long a process group has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(3);

/// How long output may still come once the leader has ended and the rest of its group has been killed: a pipe handed
/// to a process outside the group must not hold up the answer.
const DRAIN: Duration = Duration::from_secs(1);

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildEnd {
    /// It returned this status.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
}

impl From<ExitStatus> for ChildEnd {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

impl fmt::Display for ChildEnd {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(to, "exited with {code}"),
            Self::Signal(signal) => {
                let name =
                    Signal::try_from(*signal).map_or_else(|_| format!("signal {signal}"), |name| name.to_string());
                write!(to, "was killed by {name}")
            }
        }
    }
}

/// A started program. Dropping it kills its process group, unless it was started detached.
#[derive(Debug)]
pub struct Child {
    inner: tokio::process::Child,
    line: String,
    lifetime: ChildLifetime,
    group: Option<Pid>,
    // Dropped after `inner`: a child stays listed until tokio has taken over the one that was not waited for.
    _listed: ListedChild,
}

impl Child {
    pub(crate) fn new(inner: tokio::process::Child, line: String, lifetime: ChildLifetime) -> Self {
        let group = inner.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let listed = ListedChild::new(inner.id());
        Self { inner, line, lifetime, group, _listed: listed }
    }

    /// Its process id, until it has been waited for.
    pub fn id(&self) -> Option<u32> {
        self.inner.id()
    }

    /// The command line, quoted for a shell.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Its standard input, once, if it was asked for.
    pub fn take_stdin(&mut self) -> Option<tokio::process::ChildStdin> {
        self.inner.stdin.take()
    }

    /// Its standard output, once, if it was captured.
    pub fn take_stdout(&mut self) -> Option<tokio::process::ChildStdout> {
        self.inner.stdout.take()
    }

    /// Its standard error, once, if it was captured.
    pub fn take_stderr(&mut self) -> Option<tokio::process::ChildStderr> {
        self.inner.stderr.take()
    }

    /// Waits for its end. Cancel-safe.
    pub async fn wait(&mut self) -> Result<ChildEnd, RunError> {
        let status = self.inner.wait().await.map_err(|source| self.lost(source))?;
        Ok(status.into())
    }

    /// Returns how it ended, if it has.
    pub fn try_wait(&mut self) -> Result<Option<ChildEnd>, RunError> {
        let status = self.inner.try_wait().map_err(|source| self.lost(source))?;
        Ok(status.map(ChildEnd::from))
    }

    /// Reads both streams until the program has ended, within the deadline; ends the group otherwise. The rest of
    /// a bound program's group ends with it.
    pub async fn finish(
        &mut self,
        deadline: Deadline,
        cancel: &CancellationToken,
        on_output: &mut impl FnMut(&[u8]),
    ) -> Result<(ChildEnd, Tail), RunError> {
        let mut tail = Tail::default();
        let mut seen = |_: StreamSource, bytes: &[u8]| {
            tail.push(bytes);
            on_output(bytes);
        };
        let verdict = self.drive(deadline, cancel, &mut seen).await;
        self.conclude(verdict, deadline, tail.clone()).await.map(|ended| (ended, tail))
    }

    pub(crate) async fn collect(
        &mut self,
        deadline: Deadline,
        cancel: &CancellationToken,
    ) -> Result<(ChildEnd, Vec<u8>, Tail), RunError> {
        let (mut stdout, mut tail) = (Vec::new(), Tail::default());
        let mut seen = |source: StreamSource, bytes: &[u8]| match source {
            StreamSource::Stdout => stdout.extend_from_slice(bytes),
            StreamSource::Stderr => tail.push(bytes),
        };
        let verdict = self.drive(deadline, cancel, &mut seen).await;
        self.conclude(verdict, deadline, tail.clone()).await.map(|ended| (ended, stdout, tail))
    }

    async fn drive(
        &mut self,
        deadline: Deadline,
        cancel: &CancellationToken,
        seen: &mut impl FnMut(StreamSource, &[u8]),
    ) -> WaitOutcome {
        tokio::select! {
            () = cancel.cancelled() => WaitOutcome::Cancelled,
            () = deadline.expired() => WaitOutcome::TimedOut,
            followed = self.follow(seen) => followed.map_or_else(WaitOutcome::Pipe, |status| WaitOutcome::Ended(status.into())),
        }
    }

    /// The leader's end is the end, even while a process it left behind holds its pipes open.
    async fn follow(&mut self, seen: &mut impl FnMut(StreamSource, &[u8])) -> std::io::Result<ExitStatus> {
        let mut streams = CapturedStreams::new(self.take_stdout(), self.take_stderr());
        let status = tokio::select! {
            status = self.inner.wait() => status?,
            read = streams.read_all(seen) => {
                read?;
                return self.inner.wait().await;
            }
        };
        if self.lifetime == ChildLifetime::BoundToParent {
            self.signal_group(Signal::SIGKILL);
        }
        match tokio::time::timeout(DRAIN, streams.read_all(seen)).await {
            Ok(Err(lost)) => Err(lost),
            Ok(Ok(())) | Err(_) => Ok(status),
        }
    }

    async fn conclude(&mut self, verdict: WaitOutcome, deadline: Deadline, tail: Tail) -> Result<ChildEnd, RunError> {
        if let WaitOutcome::Ended(ended) = verdict {
            return Ok(ended);
        }
        self.shutdown().await;
        let command = self.line.clone();
        Err(match verdict {
            WaitOutcome::TimedOut => RunError::TimedOut { command, limit: deadline.limit(), tail },
            WaitOutcome::Pipe(source) => RunError::Pipe { command, source },
            WaitOutcome::Cancelled | WaitOutcome::Ended(_) => RunError::Cancelled { command },
        })
    }

    /// Ends the whole process group: TERM, three seconds, KILL; returns once the leader has been reaped.
    pub async fn shutdown(&mut self) -> Option<ChildEnd> {
        self.signal_group(Signal::SIGTERM);
        if let Ok(status) = tokio::time::timeout(GRACE, self.inner.wait()).await {
            self.signal_group(Signal::SIGKILL);
            return status.ok().map(ChildEnd::from);
        }
        self.signal_group(Signal::SIGKILL);
        self.inner.wait().await.ok().map(ChildEnd::from)
    }

    /// Sends a signal to the whole process group. The group number is valid as long as its leader has not been reaped,
    /// and afterwards as long as one member lives: the kernel does not give its number away before.
    pub fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            // A group without members needs no signal; nothing else can be done about a refusal.
            let _ = killpg(group, signal);
        }
    }

    fn lost(&self, source: std::io::Error) -> RunError {
        RunError::Pipe { command: self.line.clone(), source }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.lifetime == ChildLifetime::BoundToParent && self.inner.id().is_some() {
            self.signal_group(Signal::SIGKILL);
        }
    }
}

enum WaitOutcome {
    Ended(ChildEnd),
    Cancelled,
    TimedOut,
    Pipe(std::io::Error),
}

#[derive(Clone, Copy)]
enum StreamSource {
    Stdout,
    Stderr,
}

/// Both captured streams, as far as they are still open.
struct CapturedStreams<O, E> {
    stdout: Option<O>,
    stderr: Option<E>,
    buffers: (Vec<u8>, Vec<u8>),
}

impl<O: AsyncRead + Unpin, E: AsyncRead + Unpin> CapturedStreams<O, E> {
    fn new(stdout: Option<O>, stderr: Option<E>) -> Self {
        Self { stdout, stderr, buffers: (vec![0; 16 << 10], vec![0; 16 << 10]) }
    }

    /// Reads until both have ended. Cancel-safe: everything read has been passed on.
    async fn read_all(&mut self, seen: &mut impl FnMut(StreamSource, &[u8])) -> std::io::Result<()> {
        let (out, err) = (&mut self.buffers.0, &mut self.buffers.1);
        while self.stdout.is_some() || self.stderr.is_some() {
            tokio::select! {
                count = read_some(&mut self.stdout, out) => seen(StreamSource::Stdout, &out[..count?]),
                count = read_some(&mut self.stderr, err) => seen(StreamSource::Stderr, &err[..count?]),
            }
        }
        Ok(())
    }
}

/// Some bytes; none at the end, which also closes it. Waits for ever on a closed one.
async fn read_some(from: &mut Option<impl AsyncRead + Unpin>, to: &mut [u8]) -> std::io::Result<usize> {
    let Some(stream) = from else { return std::future::pending().await };
    let count = stream.read(to).await?;
    if count == 0 {
        *from = None;
    }
    Ok(count)
}
