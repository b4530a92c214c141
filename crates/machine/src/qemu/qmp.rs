//! The QMP commands that vmbuild uses, over crate `qapi`.
//!
//! A monitor serves one client at a time, and `status` may ask while `exec` runs, in different processes. So a [`Qmp`] is
//! opened for one purpose and closed after it. There is no background task: the crate reads answers while a command waits
//! for one. A short-lived connection also sees few events; the crate knows those of QEMU 9.1 and fails at a newer one.
//!
//! Source: QEMU, `docs/interop/qmp-spec.rst` and the QMP reference manual.

use super::binary::QemuVersion;
use qapi::futures::{QapiStream, QmpStreamNegotiation, QmpStreamTokio};
use qapi::{Enum as _, ExecuteError, qmp};
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use uuid::Uuid;
use vmbuild_supervise::Deadline;

/// Error of QEMU's monitor.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// No process listens on the socket.
    #[error("could not connect to QEMU's monitor at `{}`", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It did not answer in time: it hangs, or serves another client.
    #[error("QEMU's monitor did not answer `{verb}` in time")]
    Silent {
        /// The command.
        verb: &'static str,
    },
    /// It answered with an error.
    #[error("QEMU refused `{verb}`: {reason}")]
    Refused {
        /// The command.
        verb: &'static str,
        /// QEMU's reason.
        reason: String,
    },
    /// The connection ended, or carried something that is not QMP.
    #[error("QEMU's monitor closed the connection during `{verb}`")]
    Broken {
        /// The command.
        verb: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Its uuid is malformed.
    #[error("QEMU's monitor reported an invalid uuid `{0}`")]
    NoUuid(String),
}

/// State of the virtual processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunState {
    /// They execute.
    pub(crate) running: bool,
    /// QEMU's name for the state, such as `running` or `paused`.
    pub(crate) name: &'static str,
}

type QmpStream = QapiStream<QmpStreamTokio<ReadHalf<UnixStream>>, QmpStreamTokio<WriteHalf<UnixStream>>>;

/// An open monitor.
pub(crate) struct Qmp {
    stream: QmpStream,
    version: QemuVersion,
    deadline: Deadline,
}

impl Qmp {
    /// Connects, reads the greeting and leaves negotiation mode. All commands share `deadline`.
    pub(crate) async fn open(socket: &Path, deadline: Deadline) -> Result<Self, QmpError> {
        let connected = vmbuild_guest::connect_socket(socket).await;
        let pipe = connected.map_err(|source| QmpError::Unreachable { socket: socket.to_owned(), source })?;
        Self::negotiate(pipe, deadline).await
    }

    async fn negotiate(pipe: UnixStream, deadline: Deadline) -> Result<Self, QmpError> {
        let verb = "qmp_capabilities";
        let negotiated = within(deadline, verb, async {
            let greeting: QmpStreamNegotiation<_, _> = QmpStreamTokio::open(pipe).await?;
            let version = QemuVersion::from(&greeting.capabilities.QMP.version.qemu);
            Ok((greeting.negotiate().await?, version))
        });
        let (stream, version) = negotiated.await?.map_err(|source| QmpError::Broken { verb, source })?;
        Ok(Self { stream, version, deadline })
    }

    /// QEMU's version, from its greeting.
    pub(crate) fn version(&self) -> QemuVersion {
        self.version
    }

    /// The state of the processors.
    pub(crate) async fn query_status(&mut self) -> Result<RunState, QmpError> {
        let status = self.execute(qmp::query_status {}).await?;
        Ok(RunState { running: status.running, name: status.status.name() })
    }

    /// The `-uuid` it was started with.
    pub(crate) async fn query_uuid(&mut self) -> Result<Uuid, QmpError> {
        let uuid = self.execute(qmp::query_uuid {}).await?.UUID;
        Uuid::parse_str(&uuid).map_err(|_| QmpError::NoUuid(uuid))
    }

    /// Returns true if KVM executes the guest.
    pub(crate) async fn query_kvm(&mut self) -> Result<bool, QmpError> {
        Ok(self.execute(qmp::query_kvm {}).await?.enabled)
    }

    /// Makes a block node `bytes` long; the guest is notified.
    pub(crate) async fn block_resize(&mut self, node: &str, bytes: u64) -> Result<(), QmpError> {
        let size = i64::try_from(bytes).unwrap_or(i64::MAX);
        let resize = qmp::block_resize { device: None, node_name: Some(node.to_owned()), size };
        self.execute(resize).await.map(drop)
    }

    /// Resumes the processors of a stopped machine.
    pub(crate) async fn cont(&mut self) -> Result<(), QmpError> {
        self.execute(qmp::cont {}).await.map(drop)
    }

    /// Presses the guest's power button.
    pub(crate) async fn system_powerdown(&mut self) -> Result<(), QmpError> {
        self.execute(qmp::system_powerdown {}).await.map(drop)
    }

    /// Ends QEMU immediately. It may exit before it answers.
    pub(crate) async fn quit(mut self) -> Result<(), QmpError> {
        match self.execute(qmp::quit {}).await {
            Ok(_) | Err(QmpError::Broken { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    async fn execute<C>(&mut self, command: C) -> Result<C::Ok, QmpError>
    where
        C: qmp::QmpCommand,
    {
        let answer = within(self.deadline, C::NAME, self.stream.execute(command)).await?;
        answer.map_err(|error| match error {
            ExecuteError::Qapi(refusal) => QmpError::Refused { verb: C::NAME, reason: refusal.desc },
            ExecuteError::Io(source) => QmpError::Broken { verb: C::NAME, source },
        })
    }
}

impl std::fmt::Debug for Qmp {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Qmp").field("version", &self.version).finish_non_exhaustive()
    }
}

async fn within<T>(deadline: Deadline, verb: &'static str, work: impl Future<Output = T>) -> Result<T, QmpError> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = deadline.expired() => Err(QmpError::Silent { verb }),
    }
}
