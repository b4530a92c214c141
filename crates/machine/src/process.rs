//! Proof that a process is the recorded one, and a handle to it that stays valid.
//!
//! A process number alone proves nothing: the kernel reuses it. A pidfd that is opened first and a start time that is
//! compared afterwards do: if the start times agree, the descriptor refers to that process for good, and a signal sent
//! through it cannot hit another.

use serde::{Deserialize, Serialize};
use std::io;
#[cfg(target_os = "linux")]
use {
    rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
    std::os::fd::OwnedFd,
    tokio::io::{Interest, unix::AsyncFd},
};

/// A process, in a way that survives reuse of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// When the kernel started it, in clock ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub start_ticks: u64,
}

impl ProcessIdentity {
    /// This process. If the kernel does not tell when it started, no process can be proved to be it.
    pub fn of_this() -> Self {
        let pid = std::process::id();
        Self { pid, start_ticks: start_ticks(pid).ok().flatten().unwrap_or_default() }
    }

    /// The identity of a process known to live, such as an unreaped child.
    pub fn of(pid: u32) -> io::Result<Self> {
        let start_ticks = start_ticks(pid)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { pid, start_ticks })
    }
}

/// A handle to a process that was proved to be the recorded one.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct ProvenProcess(AsyncFd<OwnedFd>);

/// Without pidfds there is no such handle.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(crate) enum ProvenProcess {}

/// Signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessEnd {
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
}

#[cfg(target_os = "linux")]
impl ProvenProcess {
    /// The process `identity` describes, if it has not ended.
    pub(crate) fn find(identity: ProcessIdentity) -> io::Result<Option<Self>> {
        let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        let pidfd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if start_ticks(identity.pid)? != Some(identity.start_ticks) {
            return Ok(None);
        }
        #[expect(unsafe_code, reason = "tokio has no safe way for a descriptor it is given")]
        // SAFETY: the `AsyncFd` owns the descriptor, and an `OwnedFd` keeps its number until it is dropped.
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        Ok(Some(Self(pidfd)))
    }

    /// Resolves when it has ended.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        // A pidfd becomes readable when its process ends, and stays so.
        self.0.readable().await.map(drop)
    }

    /// Asks or forces it to end. A process that has already ended is no error.
    pub(crate) fn signal(&self, ending: ProcessEnd) -> io::Result<()> {
        let signal = match ending {
            ProcessEnd::Term => Signal::TERM,
            ProcessEnd::Kill => Signal::KILL,
        };
        match pidfd_send_signal(self.0.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl ProvenProcess {
    pub(crate) fn find(_: ProcessIdentity) -> io::Result<Option<Self>> {
        Ok(None)
    }

    #[expect(clippy::unused_async, reason = "the same shape as on Linux")]
    pub(crate) async fn ended(&self) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn signal(&self, _: ProcessEnd) -> io::Result<()> {
        match *self {}
    }
}

/// When the kernel started a process, in clock ticks since boot; `None` if there is no such process, or no way
/// to know. Source: proc(5), `/proc/<pid>/stat`, field 22.
pub(crate) fn start_ticks(pid: u32) -> io::Result<Option<u64>> {
    match fs_err::read(format!("/proc/{pid}/stat")) {
        Ok(stat) => Ok(parse_start_ticks(&stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The program's name, field 2, may hold anything, so fields are counted from its closing parenthesis, the last.
fn parse_start_ticks(stat: &[u8]) -> Option<u64> {
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[end_of_name + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{ProcessEnd, ProcessIdentity, ProvenProcess, parse_start_ticks};
    use vmbuild_supervise::{ChildEnd, Command};

    fn check(stat: &str, expect: Option<u64>) {
        assert_eq!(parse_start_ticks(stat.as_bytes()), expect, "{stat}");
    }

    #[test]
    fn reads_field_22() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        check(&format!("42 (qemu) {rest}"), Some(4711));
        check(&format!("42 (a) b (c) 1 2) {rest}"), Some(4711));
        check("42 (qemu) S 1 2", None);
        check("", None);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_the_same_process_is_found_and_it_can_be_ended() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id().unwrap();
        let identity = ProcessIdentity::of(pid).unwrap();
        let other = ProcessIdentity { start_ticks: identity.start_ticks + 1, ..identity };
        assert!(ProvenProcess::find(other).unwrap().is_none(), "a reused number is not the process");

        let process = ProvenProcess::find(identity).unwrap().expect("the process");
        process.signal(ProcessEnd::Kill).unwrap();
        process.ended().await.unwrap();
        assert_eq!(child.wait().await.unwrap(), ChildEnd::Signal(9));
        process.signal(ProcessEnd::Term).expect("ending what has ended is no error");
        assert!(ProvenProcess::find(identity).unwrap().is_none());
    }
}
