//! A virtio-serial port as a byte pipe. Source: Linux, `drivers/char/virtio_console.c`.
//!
//! The device is a character device that polls, with four peculiarities:
//!
//! * While no host is connected it reports `POLLHUP`, and reading returns the end of file immediately. A host that comes
//!   clears both: so the end of a connection is not the end of the device, which stays open.
//! * Only one process may have it open, and unread bytes are discarded when it is closed.
//! * Writing waits while no host is connected.
//! * **Connections and bytes are reported separately.** QEMU reports a host that left or came on a control
//!   queue, which the kernel reads in a work queue, while a host's bytes are there with the interrupt. So the next
//!   host's hello can be read, and answered, before the kernel has heard that the last one left; and if the next one
//!   is quick, the hang-up is never seen at all.
//!
//! A hang-up therefore does not say which host left, and ends nothing here: reading and writing just wait
//! until there is a host again. The session identifies a host by its hello. Only a port that has been
//! without any host for a while is called deserted, so that the requests of the last one do not run for ever.
//!
//! tokio takes `POLLHUP` for final: a descriptor that has ever reported it counts as ready for good, and every wait
//! on it returns immediately. So it never sees the port itself, but an epoll in edge mode that does, and that reports
//! changes only. An epoll knows no hang-up of its own.

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// How long there must be no host for the port to be deserted, at least.
const DESERTED: Duration = Duration::from_millis(500);

/// An open port.
#[derive(Debug)]
pub struct SerialPort(Arc<PortDevice>);

#[derive(Debug)]
struct PortDevice {
    fd: OwnedFd,
    /// How often something was read.
    reads: AtomicU64,
}

impl SerialPort {
    /// Opens the device. Only one process may have it open.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(Self::of(rustix::fs::open(path, flags, Mode::empty())?))
    }

    fn of(fd: OwnedFd) -> Self {
        Self(Arc::new(PortDevice { fd, reads: AtomicU64::new(0) }))
    }

    /// Its bytes, whichever host they come from and go to. One at a time is meant to be in use.
    pub fn pipe(&self) -> io::Result<PortPipe> {
        let changes = |flag| ReadinessChanges::of(&self.0.fd, flag);
        let (readable, writable) = (changes(epoll::EventFlags::IN)?, changes(epoll::EventFlags::OUT)?);
        Ok(PortPipe { device: Arc::clone(&self.0), readable, writable })
    }

    /// Resolves when there has been no host, and no byte of one, for a while. Cancel-safe; then it looks anew.
    pub async fn deserted(&self) {
        loop {
            let (was_hung_up, reads) = (self.0.hung_up(), self.0.reads.load(Ordering::Relaxed));
            tokio::time::sleep(DESERTED).await;
            if was_hung_up && self.0.hung_up() && self.0.reads.load(Ordering::Relaxed) == reads {
                return;
            }
        }
    }
}

impl PortDevice {
    fn hung_up(&self) -> bool {
        let mut asked = [PollFd::new(&self.fd, PollFlags::IN)];
        poll(&mut asked, Some(&Timespec::default())).is_ok() && asked[0].revents().contains(PollFlags::HUP)
    }

    /// The result of a read or write; none if it has to wait, for bytes, for room or for a host.
    fn settle(&self, result: rustix::io::Result<usize>) -> Option<io::Result<usize>> {
        match result {
            Ok(0) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => None,
            // A pseudo-terminal fails where a port ends.
            Err(_) if self.hung_up() => None,
            result => Some(result.map_err(io::Error::from)),
        }
    }
}

/// Tells when something about a descriptor has changed.
#[derive(Debug)]
struct ReadinessChanges(AsyncFd<OwnedFd>);

impl ReadinessChanges {
    fn of(fd: &OwnedFd, flag: epoll::EventFlags) -> io::Result<Self> {
        let changes = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&changes, fd, epoll::EventData::new_u64(0), flag | epoll::EventFlags::ET)?;
        #[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
        // SAFETY: the `AsyncFd` owns the descriptor, and an `OwnedFd` keeps its number until it is dropped.
        let changes = unsafe { AsyncFd::register_with_interest(changes, Interest::READABLE) }?;
        Ok(Self(changes))
    }

    /// Waits for a change since the last call, then takes it: whatever changes from now on is another one.
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ready = ready!(self.0.poll_read_ready(cx))?;
        let mut seen = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
        epoll::wait(self.0.get_ref(), &mut seen[..], Some(&Timespec::default()))?;
        ready.clear_ready();
        Poll::Ready(Ok(()))
    }
}

/// A port's bytes. It has no end.
#[derive(Debug)]
pub struct PortPipe {
    device: Arc<PortDevice>,
    readable: ReadinessChanges,
    writable: ReadinessChanges,
}

impl AsyncRead for PortPipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let read = rustix::io::read(&self.device.fd, to.initialize_unfilled());
            if let Some(read) = self.device.settle(read) {
                self.device.reads.fetch_add(1, Ordering::Relaxed);
                return Poll::Ready(read.map(|count| to.advance(count)));
            }
            ready!(self.readable.poll_next(cx))?;
        }
    }
}

impl AsyncWrite for PortPipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            if let Some(written) = self.device.settle(rustix::io::write(&self.device.fd, from)) {
                return Poll::Ready(written);
            }
            ready!(self.writable.poll_next(cx))?;
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
    use tokio::time::timeout;

    /// A pseudo-terminal's master hangs up and recovers as its other side is closed and opened: the nearest thing
    /// to a virtio port that this machine has without a hypervisor. Reading while hung up fails instead of ending.
    fn terminal() -> (SerialPort, std::path::PathBuf) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("pseudo-terminals work");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it is ours");
        rustix::io::ioctl_fionbio(&master, true).expect("a descriptor can be non-blocking");
        let other = ptsname(&master, Vec::new()).expect("it has a name").into_string().expect("a plain name");
        (SerialPort::of(master), other.into())
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

    /// Long enough to be sure that nothing comes.
    const MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn one_pipe_serves_hosts_that_come_and_go() {
        use std::io::{Read, Write};
        let (port, other) = terminal();
        drop(host(&other));
        assert!(port.0.hung_up(), "nobody is there");
        let mut pipe = port.pipe().expect("a descriptor can be waited for");
        for round in 0..3u8 {
            let mut got = [9; 3];
            assert!(timeout(MOMENT, pipe.read(&mut got)).await.is_err(), "a hang-up is a wait, neither end nor error");
            let mut host = host(&other);
            host.write_all(&[round; 3]).expect("room");
            pipe.read_exact(&mut got).await.expect("three bytes");
            assert_eq!(got, [round; 3]);
            pipe.write_all(&[round + 100]).await.expect("room");
            let mut got = [0];
            host.read_exact(&mut got).expect("a byte");
            assert_eq!(got, [round + 100]);
        }
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_by_the_next_host() {
        use std::io::Write;
        let (port, other) = terminal();
        drop(host(&other));
        let mut pipe = port.pipe().expect("a descriptor can be waited for");
        let mut got = [0; 2];
        let next = async {
            tokio::time::sleep(MOMENT).await;
            let mut host = host(&other);
            host.write_all(&[4, 2]).expect("room");
            host
        };
        let (read, _host) = tokio::join!(pipe.read_exact(&mut got), next);
        read.expect("two bytes");
        assert_eq!(got, [4, 2]);
    }

    #[tokio::test]
    async fn only_a_port_without_a_host_is_deserted() {
        let (port, other) = terminal();
        let there = host(&other);
        assert!(timeout(DESERTED * 2, port.deserted()).await.is_err());
        drop(there);
        timeout(DESERTED * 3, port.deserted()).await.expect("nobody is there");
    }
}
