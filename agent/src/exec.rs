//! Runs one program for a request, and sees to it that nothing it started outlives the request.

use crate::cleanup;
use crate::request::{RequestContext, failure};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use vmbuild_protocol::{CHUNK, CommandLine, Exited, FailureKind, OutputStream, RequestFailure};
use vmbuild_supervise::{Child, Command, Deadline, Ended, RunError, Tail};

/// What every program finds set; a request's own variables come on top.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("TERM", "dumb"),
];

/// Stands for "no limit": tokio's clock cannot go further.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 30);

/// How long output may still come after the program has ended and what it left has been killed: a pipe handed to a
/// process outside our reach must not hold up the answer.
const DRAIN: Duration = Duration::from_secs(1);

/// How much a pipe can still hold then: the most that an unprivileged process may make it (`pipe(7)`).
const PIPE: usize = 1 << 20;

/// Runs a program to its end, within the timeout and until the request is cancelled, passing its output on to the
/// host as it comes. When this returns, the program and everything it started are gone.
pub async fn run_program(
    request: &RequestContext,
    command: &CommandLine,
    timeout: Option<Duration>,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<(Exited, Tail), RequestFailure> {
    let mut child = start(prepared(request, command)?, command)?;
    let line = child.line().to_owned();
    let mut tail = Tail::default();
    let outcome = within(request, &line, timeout, drive(&mut child, request, &mut tail, on_output)).await;
    match outcome {
        Ok(ended) => Ok((ended, tail)),
        Err(failed) => {
            child.shutdown().await;
            cleanup::end_marked(&request.mark).await?;
            Err(RequestFailure { tail: tail.text(), ..failed })
        }
    }
}

/// Does `work` with a started program, unless the time is up or the request is cancelled first.
pub(crate) async fn within<T>(
    request: &RequestContext,
    line: &str,
    timeout: Option<Duration>,
    work: impl Future<Output = Result<T, RequestFailure>>,
) -> Result<T, RequestFailure> {
    let deadline = Deadline::after(timeout.unwrap_or(FOREVER));
    tokio::select! {
        done = work => done,
        () = deadline.expired() => {
            let text = format!("`{line}` was still running after {} s", deadline.limit().as_secs());
            Err(failure(FailureKind::TimedOut, text))
        }
        () = request.cancel.cancelled() => Err(failure(FailureKind::Cancelled, format!("`{line}` was cancelled"))),
    }
}

/// A program with its surroundings and the request's mark.
pub(crate) fn prepared(request: &RequestContext, command: &CommandLine) -> Result<Command, RequestFailure> {
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(failure(FailureKind::Invalid, "an empty command line"));
    };
    let mut child = Command::new(program).args(arguments).current_dir(&command.cwd).env_clear();
    let given = command.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in ENVIRONMENT.into_iter().chain(given) {
        child = child.env(name, value);
    }
    Ok(child.env(cleanup::MARK, &request.mark))
}

/// Starts it. A refusal says whether it is the folder that is missing: the system's reason does not.
pub(crate) fn start(child: Command, command: &CommandLine) -> Result<Child, RequestFailure> {
    child.spawn().map_err(|error| match error {
        RunError::NotStarted { program, source } if !std::path::Path::new(&command.cwd).is_dir() => failure(
            FailureKind::NotStarted,
            format!("failed to start `{program}` in `{}`: no such folder ({source})", command.cwd),
        ),
        RunError::NotStarted { program, source } => {
            failure(FailureKind::NotStarted, format!("failed to start `{program}`: {source}"))
        }
        other => failure(FailureKind::NotStarted, other.to_string()),
    })
}

/// Passes output on until the program has ended; then ends what it left in its group and drains the pipes.
pub(crate) async fn drive(
    child: &mut Child,
    request: &RequestContext,
    tail: &mut Tail,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<Exited, RequestFailure> {
    let mut streams = ProgramStreams { stdout: child.take_stdout(), stderr: child.take_stderr() };
    let mut buffers = Buffers { stdout: vec![0; CHUNK], stderr: vec![0; CHUNK] };
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            (stream, count) = streams.next(&mut buffers) => {
                hand_on(request, tail, on_output, stream, buffers.of(stream, count)).await;
            }
        }
    };
    child.signal_group(nix::sys::signal::Signal::SIGKILL);
    cleanup::end_marked(&request.mark).await?;
    let (until, mut drained) = (tokio::time::Instant::now() + DRAIN, 0);
    // Only the wait for more is bounded in time. What is there already goes out however slow the host is.
    while streams.open() && drained < 2 * PIPE {
        let Ok((stream, count)) = tokio::time::timeout_at(until, streams.next(&mut buffers)).await else { break };
        hand_on(request, tail, on_output, stream, buffers.of(stream, count)).await;
        drained += count;
    }
    exited(ended)
}

/// A program's end in the protocol's words.
pub(crate) fn exited(ended: Result<Ended, RunError>) -> Result<Exited, RequestFailure> {
    match ended {
        Ok(Ended::Code(code)) => Ok(Exited::Code(code)),
        Ok(Ended::Signal(signal)) => Ok(Exited::Signal(signal)),
        Err(error) => Err(failure(FailureKind::Io, error.to_string())),
    }
}

async fn hand_on(
    request: &RequestContext,
    tail: &mut Tail,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
    stream: OutputStream,
    bytes: &[u8],
) {
    if !bytes.is_empty() {
        tail.push(bytes);
        on_output(stream, bytes);
        request.output(stream, bytes).await;
    }
}

struct ProgramStreams<O, E> {
    stdout: Option<O>,
    stderr: Option<E>,
}

struct Buffers {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Buffers {
    fn of(&self, stream: OutputStream, count: usize) -> &[u8] {
        match stream {
            OutputStream::Stdout => &self.stdout[..count],
            OutputStream::Stderr => &self.stderr[..count],
        }
    }
}

impl<O: AsyncRead + Unpin, E: AsyncRead + Unpin> ProgramStreams<O, E> {
    fn open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// The next bytes of either stream; none at a stream's end. Waits for ever once both have ended.
    async fn next(&mut self, buffers: &mut Buffers) -> (OutputStream, usize) {
        tokio::select! {
            count = read(&mut self.stdout, &mut buffers.stdout) => (OutputStream::Stdout, count),
            count = read(&mut self.stderr, &mut buffers.stderr) => (OutputStream::Stderr, count),
        }
    }
}

async fn read(from: &mut Option<impl AsyncRead + Unpin>, to: &mut [u8]) -> usize {
    let Some(stream) = from else { return std::future::pending().await };
    let count = stream.read(to).await.unwrap_or(0);
    if count == 0 {
        *from = None;
    }
    count
}
