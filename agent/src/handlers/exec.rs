//! Runs one program for a request, and makes sure that nothing it started outlives the request.

use crate::cleanup;
use crate::failure::failure;
use crate::request::RequestContext;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use vmbuild_protocol::{CHUNK, CommandLine, Exec, Exited, FailureKind, OutputStream, RequestFailure};
use vmbuild_supervise::{Child, ChildEnd, Command, Deadline, RunError, Tail};

/// Environment of every program; a request may override it.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("TERM", "dumb"),
];

/// Stands for "no limit": tokio's clock cannot go further.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 30);

/// How long output may still come after the program has ended and its descendants have been killed: a pipe handed to a
/// process out of reach must not hold up the reply.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest capacity of a pipe that an unprivileged process may set (`pipe(7)`).
const PIPE_CAPACITY: usize = 1 << 20;

/// Runs a program whose output is all that the host wants of it.
pub async fn exec(request: &RequestContext, order: Exec) -> Result<Exited, RequestFailure> {
    let timeout = order.timeout_ms.map(Duration::from_millis);
    run_program(request, &order.command, timeout, &mut |_, _| ()).await.map(|(exited, _)| exited)
}

/// Runs a program to its end, within the timeout and until the request is cancelled, passing its output on to the
/// host as it comes. When this returns, the program and everything it started are gone.
pub async fn run_program(
    request: &RequestContext,
    command: &CommandLine,
    timeout: Option<Duration>,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<(Exited, Tail), RequestFailure> {
    let mut child = spawn(build_command(request, command)?, command)?;
    let line = child.line().to_owned();
    let mut tail = Tail::default();
    let outcome = run_within(request, &line, timeout, drive_program(&mut child, request, &mut tail, on_output)).await;
    match outcome {
        Ok(ended) => Ok((ended, tail)),
        Err(failed) => {
            child.shutdown().await;
            cleanup::end_marked(&request.mark).await?;
            Err(RequestFailure { tail: tail.text(), ..failed })
        }
    }
}

/// Awaits `work` with a started program, unless its time is up or the request is cancelled first.
pub(crate) async fn run_within<T>(
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

/// Builds the command of a program, with its environment and the request's mark.
pub(crate) fn build_command(request: &RequestContext, command: &CommandLine) -> Result<Command, RequestFailure> {
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(failure(FailureKind::Invalid, "empty command line"));
    };
    let mut child = Command::new(program).args(arguments).current_dir(&command.cwd).env_clear();
    let given = command.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in ENVIRONMENT.into_iter().chain(given) {
        child = child.env(name, value);
    }
    Ok(child.env(cleanup::MARK, &request.mark))
}

/// Starts it. The error says so if the working folder is missing: the system's reason does not.
pub(crate) fn spawn(child: Command, command: &CommandLine) -> Result<Child, RequestFailure> {
    child.spawn().map_err(|error| match error {
        RunError::NotStarted { program, source } if !std::path::Path::new(&command.cwd).is_dir() => failure(
            FailureKind::NotStarted,
            format!("failed to start `{program}` in `{}`: the folder does not exist ({source})", command.cwd),
        ),
        RunError::NotStarted { program, source } => {
            failure(FailureKind::NotStarted, format!("failed to start `{program}`: {source}"))
        }
        other => failure(FailureKind::NotStarted, other.to_string()),
    })
}

/// Forwards output until the program has ended; then kills the rest of its group and drains the pipes.
pub(crate) async fn drive_program(
    child: &mut Child,
    request: &RequestContext,
    tail: &mut Tail,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<Exited, RequestFailure> {
    let mut streams = ProgramStreams { stdout: child.take_stdout(), stderr: child.take_stderr() };
    let mut buffers = StreamBuffers { stdout: vec![0; CHUNK], stderr: vec![0; CHUNK] };
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            (stream, count) = streams.next(&mut buffers) => {
                forward_output(request, tail, on_output, stream, buffers.of(stream, count)).await;
            }
        }
    };
    child.signal_group(nix::sys::signal::Signal::SIGKILL);
    cleanup::end_marked(&request.mark).await?;
    let (until, mut drained) = (tokio::time::Instant::now() + DRAIN_TIMEOUT, 0);
    // Only the wait for more is bounded in time. Bytes that are there already are sent, however slow the host is.
    while streams.is_open() && drained < 2 * PIPE_CAPACITY {
        let Ok((stream, count)) = tokio::time::timeout_at(until, streams.next(&mut buffers)).await else { break };
        forward_output(request, tail, on_output, stream, buffers.of(stream, count)).await;
        drained += count;
    }
    to_exited(ended)
}

/// A program's end as the protocol reports it.
pub(crate) fn to_exited(ended: Result<ChildEnd, RunError>) -> Result<Exited, RequestFailure> {
    match ended {
        Ok(ChildEnd::Code(code)) => Ok(Exited::Code(code)),
        Ok(ChildEnd::Signal(signal)) => Ok(Exited::Signal(signal)),
        Err(error) => Err(failure(FailureKind::Io, error.to_string())),
    }
}

async fn forward_output(
    request: &RequestContext,
    tail: &mut Tail,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
    stream: OutputStream,
    bytes: &[u8],
) {
    if !bytes.is_empty() {
        tail.push(bytes);
        on_output(stream, bytes);
        request.send_output(stream, bytes).await;
    }
}

struct ProgramStreams<O, E> {
    stdout: Option<O>,
    stderr: Option<E>,
}

struct StreamBuffers {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl StreamBuffers {
    fn of(&self, stream: OutputStream, count: usize) -> &[u8] {
        match stream {
            OutputStream::Stdout => &self.stdout[..count],
            OutputStream::Stderr => &self.stderr[..count],
        }
    }
}

impl<O: AsyncRead + Unpin, E: AsyncRead + Unpin> ProgramStreams<O, E> {
    fn is_open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// Reads the next bytes of either stream; none at a stream's end. Waits for ever once both have ended.
    async fn next(&mut self, buffers: &mut StreamBuffers) -> (OutputStream, usize) {
        tokio::select! {
            count = read_some(&mut self.stdout, &mut buffers.stdout) => (OutputStream::Stdout, count),
            count = read_some(&mut self.stderr, &mut buffers.stderr) => (OutputStream::Stderr, count),
        }
    }
}

async fn read_some(from: &mut Option<impl AsyncRead + Unpin>, to: &mut [u8]) -> usize {
    let Some(stream) = from else { return std::future::pending().await };
    let count = stream.read(to).await.unwrap_or(0);
    if count == 0 {
        *from = None;
    }
    count
}
