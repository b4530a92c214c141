//! A virtio-serial port as a byte pipe. Source: Linux, `drivers/char/virtio_console.c`.
//!
//! The device is a character device that polls, with three peculiarities:
//!
//! * While no host is connected it reports `POLLHUP`, and reading gives the end of file at once. A host that comes
//!   clears both: so the end of a connection is not the end of the device, which stays open.
//! * Only one process may have it open, and what arrived unread is thrown away when it is closed.
//! * Writing waits while no host is connected.
//!
//! A hang-up ends with a wake-up, but whoever polls for states instead of changes finds the hang-up itself and never
//! sleeps. So an unconnected port is waited for through an epoll of its own, in edge mode, which tells of changes only:
//! looking fifty times a second instead took five per cent of an emulated processor.
//!
//! tokio takes `POLLHUP` for final: a descriptor that has ever reported it counts as ready for good, and every wait
//! on it returns at once. So each connection registers the descriptor anew, after the host is seen to be there, and
//! is over as soon as tokio has noted a hang-up.

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// How often an unconnected port is looked at without being told of a change: a net under the one above.
const LOOK: Duration = Duration::from_millis(500);

/// An open port.
#[derive(Debug)]
pub struct Port {
    fd: Arc<OwnedFd>,
    changes: Changes,
}

impl Port {
    /// Opens the device. Only one process may have it open.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Self::of(rustix::fs::open(path, flags, Mode::empty())?)
    }

    fn of(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { changes: Changes::of(&fd)?, fd: Arc::new(fd) })
    }

    /// Waits for a host and gives the pipe to it. Drop that before asking for the next.
    pub async fn connected(&self) -> io::Result<Connection> {
        while self.hung_up()? {
            // Without changes the time-out does the same, later.
            let _ = tokio::time::timeout(LOOK, self.changes.next()).await;
        }
        let fd = Arc::clone(&self.fd);
        #[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
        // SAFETY: the `Arc` keeps the same descriptor open as long as the registration lives.
        let fd = unsafe { AsyncFd::register(fd) }?;
        Ok(Connection(fd))
    }

    fn hung_up(&self) -> io::Result<bool> {
        let mut asked = [PollFd::new(&self.fd, PollFlags::IN)];
        poll(&mut asked, Some(&Timespec::default()))?;
        Ok(asked[0].revents().contains(PollFlags::HUP))
    }
}

/// Tells when something about a descriptor has changed.
#[derive(Debug)]
struct Changes(AsyncFd<OwnedFd>);

impl Changes {
    fn of(fd: &OwnedFd) -> io::Result<Self> {
        let changes = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let any = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&changes, fd, epoll::EventData::new_u64(0), any)?;
        #[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
        // SAFETY: the `AsyncFd` owns the descriptor, and an `OwnedFd` keeps its number until it is dropped.
        let changes = unsafe { AsyncFd::register_with_interest(changes, Interest::READABLE) }?;
        Ok(Self(changes))
    }

    async fn next(&self) -> io::Result<()> {
        let mut ready = self.0.readable().await?;
        let mut seen = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
        epoll::wait(self.0.get_ref(), &mut seen[..], Some(&Timespec::default()))?;
        ready.clear_ready();
        Ok(())
    }
}

/// A port while one host is connected to it.
#[derive(Debug)]
pub struct Connection(AsyncFd<Arc<OwnedFd>>);

/// Whether tokio has noted a hang-up since the connection began. Then it is over, before another byte is read: the
/// next host may be there already, and its hello must not be answered by a conversation that ends right after.
fn hung_up_since(ready: &AsyncFdReadyGuard<'_, Arc<OwnedFd>>) -> bool {
    ready.ready().is_read_closed() || ready.ready().is_write_closed()
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            if hung_up_since(&ready) {
                return Poll::Ready(Ok(()));
            }
            // Otherwise there is nothing to read yet: the guard is taken again, and waits.
            if let Ok(read) = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), to.initialize_unfilled())?)) {
                return Poll::Ready(read.map(|count| to.advance(count)));
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            if hung_up_since(&ready) {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if let Ok(written) = ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), from)?)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A pseudo-terminal's master hangs up and recovers as its other side is closed and opened: the nearest thing
    /// to a virtio port that this machine has without a hypervisor. Reading while hung up fails instead of ending.
    fn terminal() -> (Port, std::path::PathBuf) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("pseudo-terminals work");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it is ours");
        rustix::io::ioctl_fionbio(&master, true).expect("a descriptor can be non-blocking");
        let other = ptsname(&master, Vec::new()).expect("it has a name").into_string().expect("a plain name");
        (Port::of(master).expect("a descriptor can be waited for"), other.into())
    }

    fn host(path: &Path) -> fs_err::File {
        use fs_err::os::unix::fs::OpenOptionsExt;
        let flags = i32::try_from(OFlags::NOCTTY.bits()).expect("a small number");
        let file = fs_err::OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).expect("a host");
        let mut raw = rustix::termios::tcgetattr(&file).expect("a terminal");
        raw.make_raw();
        rustix::termios::tcsetattr(&file, rustix::termios::OptionalActions::Now, &raw).expect("a terminal");
        file
    }

    #[tokio::test]
    async fn hosts_come_and_go() {
        use std::io::{Read, Write};
        let (port, other) = terminal();
        drop(host(&other));
        assert!(port.hung_up().expect("it can be asked"));
        for round in 0..3u8 {
            let mut host = host(&other);
            let mut connection = port.connected().await.expect("a host is there");
            host.write_all(&[round; 3]).expect("room");
            let mut got = [9; 3];
            connection.read_exact(&mut got).await.expect("three bytes");
            assert_eq!(got, [round; 3]);
            connection.write_all(&[round + 100]).await.expect("room");
            let mut got = [0];
            host.read_exact(&mut got).expect("a byte");
            assert_eq!(got, [round + 100]);
            drop(host);
            // The end, or the error that a terminal gives in its place; never a wait, never a spin.
            assert!(matches!(connection.read(&mut got).await, Ok(0) | Err(_)));
        }
    }

    #[tokio::test]
    async fn a_hang_up_that_went_unseen_ends_the_connection() {
        let (port, other) = terminal();
        let first = host(&other);
        let mut connection = port.connected().await.expect("a host is there");
        drop(first);
        // Let the runtime note the hang-up; then the next host is there before anybody has read.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let _second = host(&other);
        assert_eq!(connection.read(&mut [0]).await.expect("an end"), 0);
        drop(connection);
        port.connected().await.expect("the second host");
    }
}
