//! Errors of a session.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit, OutputError};
use vmbuild_protocol::{BUILD_ID, CodecError, FailureKind, Hello, PROTOCOL, RequestFailure};

/// Errors of a session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The agent answered that it could not.
    #[error("{}", .0.message)]
    Refused(RequestFailure),
    /// No hello came in time.
    #[error("no agent answered within {} s", limit.as_secs())]
    NoAnswer {
        /// The time it had.
        limit: Duration,
    },
    /// The agent was built from other sources than this program.
    #[error(
        "the agent is build {} (protocol {}), this vmbuild is build {BUILD_ID} (protocol {PROTOCOL})",
        theirs.build, theirs.protocol
    )]
    WrongBuild {
        /// The agent's hello.
        theirs: Hello,
    },
    /// The pipe ended or failed while something was under way.
    #[error("lost contact with the agent")]
    Lost,
    /// The agent sent a frame or message that cannot be decoded.
    #[error("received a malformed message from the agent")]
    Garbled(#[source] Arc<CodecError>),
    /// The bytes that arrived are not those that the agent sent.
    #[error("{} arrived damaged: sha256 {got} instead of {sent}", path.display())]
    Damaged {
        /// The file on this side.
        path: PathBuf,
        /// Digest of the received bytes, in hex.
        got: String,
        /// Digest of the sent bytes, in hex.
        sent: String,
    },
    /// A file on this side cannot be read or written.
    #[error("failed to transfer a file")]
    Local(#[source] std::io::Error),
    /// The program's output cannot be passed on; the program has been cancelled.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The user interrupted.
    #[error("interrupted")]
    Cancelled,
    /// The reply belongs to another request.
    #[error("the agent answered a {asked} request with the wrong reply")]
    WrongAnswer {
        /// The name of the request.
        asked: &'static str,
    },
}

impl SessionError {
    /// The error of a pipe that ended: a malformed message, or else a lost agent.
    pub(super) fn broken(why: Option<Arc<CodecError>>) -> Self {
        match why {
            Some(error) if !matches!(*error, CodecError::Io(_)) => Self::Garbled(error),
            _ => Self::Lost,
        }
    }
}

impl Diagnose for SessionError {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused(failure) => match failure.kind {
                FailureKind::Cancelled => Exit::Interrupted,
                FailureKind::TimedOut
                | FailureKind::ProgramFailed
                | FailureKind::NotStarted
                | FailureKind::Unconvincing => Exit::Job,
                FailureKind::DigestMismatch => Exit::Integrity,
                FailureKind::Io | FailureKind::Invalid | FailureKind::NoSpace | FailureKind::NoMemory => {
                    Exit::Environment
                }
            },
            Self::Damaged { .. } => Exit::Integrity,
            Self::Cancelled => Exit::Interrupted,
            Self::Output(error) => error.exit(),
            Self::NoAnswer { .. }
            | Self::WrongBuild { .. }
            | Self::Lost
            | Self::Garbled(_)
            | Self::Local(_)
            | Self::WrongAnswer { .. } => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Refused(failure) if failure.kind == FailureKind::NoSpace => {
                "the guest's disk is full: `vmbuild clean` frees space on this host"
            }
            Self::Refused(failure) if failure.kind == FailureKind::NoMemory => {
                "--memory gives the machine more, and --jobs 1 needs the least"
            }
            Self::WrongBuild { theirs } if theirs.protocol > PROTOCOL => {
                "the agent is newer: update vmbuild, or `vmbuild destroy` the machine and `vmbuild up` again"
            }
            Self::WrongBuild { theirs } if theirs.protocol < PROTOCOL => {
                "the agent is older: `vmbuild destroy` the machine and `vmbuild up` again; `make build` builds both programs"
            }
            Self::WrongBuild { .. } => {
                "the agent is another build: `vmbuild destroy` the machine and `vmbuild up` again; `make build` builds \
                 both programs"
            }
            Self::Lost => "the agent or its machine ended; see the end of the machine's serial.log",
            Self::NoAnswer { .. } => "another vmbuild may be using the machine; its serial.log shows how far it got",
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}
