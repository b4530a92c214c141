//! The helper's end of the socket, and the descriptors it inherited.

use crate::sandbox::control::{GO, HelperOrder, HelperRefusal, HelperReport, HelperStep};
use rustix::io::FdFlags;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The socket to vmbuild.
#[derive(Debug)]
pub(super) struct HelperChannel(BufReader<UnixStream>);

impl HelperChannel {
    /// Takes over the inherited descriptor `number`.
    pub(super) fn inherit(number: RawFd) -> io::Result<Self> {
        let stream = UnixStream::from(adopt(number)?);
        // Proves that it is a socket: somebody may have typed the hidden argument.
        stream.peer_addr()?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Its number.
    pub(super) fn number(&self) -> RawFd {
        self.0.get_ref().as_raw_fd()
    }

    /// The order.
    pub(super) fn order(&mut self) -> io::Result<HelperOrder> {
        Ok(serde_json::from_str(&self.line()?)?)
    }

    /// Waits for the id maps. An error means that vmbuild gave up or is gone.
    pub(super) fn wait_for_go(&mut self) -> io::Result<()> {
        if self.line()?.trim_end() == GO { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Says something. Nobody listening is no reason to stop: the caller's life is tied to the listener's.
    pub(super) fn report(&mut self, report: &HelperReport) {
        if let Ok(line) = serde_json::to_string(report) {
            let _ = self.0.get_mut().write_all(format!("{line}\n").as_bytes());
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }
}

/// Takes over an inherited descriptor, and keeps it from programs started later.
pub(super) fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    if number <= 2 || !inherited()?.contains(&number) {
        return Err(io::ErrorKind::NotFound.into());
    }
    #[expect(unsafe_code, reason = "an inherited descriptor is known only by number")]
    // SAFETY: it is open, as just seen, and nothing in this process, which has only begun, owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(fd)
}

/// Closes every inherited descriptor that nobody meant this process to have, such as a pipe of the `make` that
/// started vmbuild: a machine that outlives the command would keep its reader waiting for ever.
pub(super) fn close_strangers(known: &[RawFd]) -> Result<(), HelperRefusal> {
    let failed = |error: io::Error| HelperRefusal::new(HelperStep::Order, "/proc/self/fd", &error);
    for number in inherited().map_err(failed)? {
        if number > 2 && !known.contains(&number) {
            #[expect(unsafe_code, reason = "an inherited descriptor is known only by number")]
            // SAFETY: nothing in this process owns it: it owns those in `known` only.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
    Ok(())
}

/// The numbers of all open descriptors.
fn inherited() -> io::Result<Vec<RawFd>> {
    let mut numbers = Vec::new();
    for entry in fs_err::read_dir("/proc/self/fd")? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    // The folder's own descriptor was among them, and is closed by now.
    numbers.retain(|number| is_open(*number));
    Ok(numbers)
}

fn is_open(number: RawFd) -> bool {
    rustix::fs::readlink(format!("/proc/self/fd/{number}"), Vec::new()).is_ok()
}
