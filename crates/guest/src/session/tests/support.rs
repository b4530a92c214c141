//! Pipes with an agent at the other end.

use super::super::{Session, SessionError, SessionOpening};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio_util::sync::CancellationToken;
use vmbuild_agent::guest::GuestSystem;
use vmbuild_agent::session::serve_pipe;
use vmbuild_protocol::{CommandLine, Exec};
use vmbuild_supervise::Deadline;

/// Longer than any test takes: reaching it is a failure.
pub(super) fn long() -> Deadline {
    Deadline::after(Duration::from_mins(2))
}

pub(super) fn never() -> CancellationToken {
    CancellationToken::new()
}

/// About what a socket holds.
pub(super) fn pipe() -> (DuplexStream, DuplexStream) {
    duplex(64 << 10)
}

pub(super) async fn open(pipe: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Session, SessionError> {
    Session::open(pipe, SessionOpening::Again, long(), &never()).await
}

/// Runs a test with a session to a real agent; then ends the session and waits for the agent's end.
pub(super) async fn with_agent(test: impl AsyncFnOnce(&Session)) {
    let (ours, theirs) = pipe();
    let test = async {
        let session = open(ours).await.expect("the agent answers");
        test(&session).await;
    };
    let (_, ()) = tokio::join!(serve_pipe(theirs, GuestSystem::complete(false)), test);
}

/// A shell script as a program.
pub(super) fn shell(script: &str) -> Exec {
    let argv = vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()];
    Exec { command: CommandLine { argv, env: Vec::new(), cwd: "/".to_owned() }, timeout_ms: None }
}

/// Returns whether a process runs; a zombie does not.
pub(super) fn is_alive(pid: &str) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat"));
    assert!(pid.parse::<u32>().is_ok(), "`{pid}` is not a process number");
    stat.is_ok_and(|text| !text.contains(") Z "))
}

pub(super) async fn ends(pid: &str) {
    while is_alive(pid) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A pipe that outlives the sessions over it, as a virtio port does: whoever drops it leaves its bytes in it.
#[derive(Debug, Clone)]
pub(super) struct Lasting(Arc<Mutex<DuplexStream>>);

impl Lasting {
    pub(super) fn new(pipe: DuplexStream) -> Self {
        Self(Arc::new(Mutex::new(pipe)))
    }

    fn get(&self) -> MutexGuard<'_, DuplexStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Lasting {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.get()).poll_read(cx, to)
    }
}

impl AsyncWrite for Lasting {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut *self.get()).poll_write(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.get()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
