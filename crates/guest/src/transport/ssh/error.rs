//! Why no agent is reached over SSH.

use std::io;
use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::Tail;

/// Why no agent is reached over SSH.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// Nobody listens there, or not yet.
    #[error("{at} does not answer")]
    Unreachable {
        /// User, host and port.
        at: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It is another machine than the last time, or somebody stands between.
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
    /// The file that lists known keys has none for it.
    #[error("the host key of {at} ({got}) is not in {}", file.display())]
    KeyUnknown {
        /// User, host and port.
        at: String,
        /// The fingerprint of its key.
        got: String,
        /// The file that should list it.
        file: PathBuf,
    },
    /// A key file of ours.
    #[error("{} is not a key that can be used", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: russh::keys::Error,
    },
    /// The server let none of our keys in.
    #[error("{at} accepts none of these keys: {}", list(keys))]
    Refused {
        /// User, host and port.
        at: String,
        /// The files that were tried.
        keys: Vec<PathBuf>,
    },
    /// The server ended the connection, or speaks something else.
    #[error("{at} broke the connection off while {doing}")]
    Broken {
        /// User, host and port.
        at: String,
        /// What was being done.
        doing: &'static str,
        /// The library's reason.
        #[source]
        source: russh::Error,
    },
    /// A program over there did not do what it should.
    #[error("{doing} failed over SSH{}{}", code(*status), tail.as_suffix())]
    Program {
        /// What it was to do.
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
    /// Whether trying again may help: a machine that is still starting refuses connections, or breaks them off.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Broken { .. })
    }
}

fn list(keys: &[PathBuf]) -> String {
    match keys {
        [] => "(no key at all)".to_owned(),
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
                "if nobody made this machine anew, somebody else answers in its place: do not go on".to_owned(),
                format!("if it was made anew, remove {} and try again", file.display()),
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
