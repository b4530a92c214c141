//! A pseudo-terminal: this side of it as a byte pipe, the other side for a program.

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;
use vmbuild_protocol::TerminalSize;

/// This side of a pseudo-terminal.
#[derive(Debug)]
pub(super) struct PseudoTerminal(AsyncFd<OwnedFd>);

impl PseudoTerminal {
    /// Opens a pair; the second is the program's side.
    pub(super) fn open(size: TerminalSize) -> io::Result<(Self, OwnedFd)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::ioctl_fionbio(&master, true)?;
        #[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
        // SAFETY: the `AsyncFd` owns the descriptor, and an `OwnedFd` keeps its number until it is dropped.
        let pty = Self(unsafe { AsyncFd::register(master) }?);
        pty.resize(size)?;
        Ok((pty, slave))
    }

    /// Sets its size; the program in its foreground is told (SIGWINCH).
    pub(super) fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(self.0.get_ref(), size)?)
    }

    /// Reads the program's output: no bytes once the other side is closed everywhere. Cancel-safe.
    pub(super) async fn read(&self, to: &mut [u8]) -> usize {
        loop {
            let Ok(mut ready) = self.0.readable().await else { return 0 };
            match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut *to)?)) {
                // EIO: the other side is closed.
                Ok(read) => return read.unwrap_or(0),
                Err(_would_block) => {}
            }
        }
    }

    /// Types all of `bytes`.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            if let Ok(written) = ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?)) {
                bytes = &bytes[written?..];
            }
        }
        Ok(())
    }
}
