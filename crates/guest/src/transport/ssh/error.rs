//! Errors of reaching an agent over SSH.

use std::io;
use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::Tail;

/// Errors of reaching an agent over SSH.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// Nothing listens there, or not yet.
    #[error("{at} does not answer")]
    Unreachable {
        /// User, host and port.
        at: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It is another machine than the last time, or the connection is intercepted.
    #[error("{at} has another host key than before: {got} instead of {known}")]
    KeyChanged {
        /// User, host and port.
        at: String,
        /// The fingerprint of its key.
        got: String,
        /// The fingerprint that was expected.
        known: String,
        /// The file with the expected one.
        file: PathBuf,
    },
    /// The file of known keys does not list it.
    #[error("the host key of {at} ({got}) is not in {}", file.display())]
    KeyUnknown {
        /// User, host and port.
        at: String,
        /// The fingerprint of its key.
        got: String,
        /// The file that should list it.
        file: PathBuf,
    },
    /// A private key of the user.
    #[error("failed to load the key {}", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// The library's reason.
        #[source]
        source: russh::keys::Error,
    },
    /// The server accepts none of the user's keys.
    #[error("{at} does not accept any of the keys {}", list(keys))]
    Refused {
        /// User, host and port.
        at: String,
        /// The files that were tried.
        keys: Vec<PathBuf>,
    },
    /// The server ended the connection, or speaks something else.
    #[error("{at} closed the connection while {doing}")]
    Broken {
        /// User, host and port.
        at: String,
        /// The action under way.
        doing: &'static str,
        /// The library's reason.
        #[source]
        source: russh::Error,
    },
    /// A program on the other machine failed.
    #[error("{doing} failed over SSH{}{}", code(*status), tail.as_suffix())]
    Program {
        /// Its task.
        doing: &'static str,
        /// Its exit code; none if the connection broke first.
        status: Option<u32>,
        /// The last lines it wrote.
        tail: Tail,
    },
    /// The agent did not arrive as it was sent.
    #[error("the agent did not arrive over SSH as it was sent{}", tail.as_suffix())]
    Damaged {
        /// The last lines of the program that compared.
        tail: Tail,
    },
    /// A file on this side.
    #[error("failed to use a file for SSH")]
    Local(#[from] io::Error),
}

impl SshError {
    /// Returns whether another attempt may help: a machine that is still starting refuses connections, or breaks them off.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Broken { .. })
    }
}

fn list(keys: &[PathBuf]) -> String {
    match keys {
        [] => "(no key given)".to_owned(),
        keys => keys.iter().map(|key| key.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

fn code(status: Option<u32>) -> String {
    status.map_or_else(|| ": the connection ended".to_owned(), |status| format!(" with exit code {status}"))
}

impl Diagnose for SshError {
    fn exit(&self) -> Exit {
        match self {
            Self::KeyChanged { .. } | Self::KeyUnknown { .. } | Self::Damaged { .. } => Exit::Integrity,
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::KeyChanged { file, .. } => vec![
                "unless this machine was recreated, another one answers in its place: do not continue".to_owned(),
                format!("if it was recreated, remove {} and try again", file.display()),
            ],
            Self::KeyUnknown { file, .. } => {
                vec![format!("compare the fingerprint with the machine's own, then add the key to {}", file.display())]
            }
            Self::Refused { .. } => {
                vec!["the machine's `authorized_keys` must list the public half of one of them".to_owned()]
            }
            Self::Program { tail, .. } if tail.text().contains("sudo") => {
                vec!["the user must be root, or be allowed sudo without a password".to_owned()]
            }
            Self::Unreachable { .. } => vec!["the machine may be halted: `vmbuild up` starts it".to_owned()],
            _ => Vec::new(),
        }
    }
}
