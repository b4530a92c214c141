//! How a machine is reached over SSH.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A machine that is reached over SSH. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshWay {
    /// Its name or address.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The user to log in as: root, or one with password-less sudo.
    pub user: String,
    /// Files with private keys, in the order they are tried.
    pub keys: Vec<PathBuf>,
    /// Which key the server must have.
    pub host_keys: HostKeys,
    /// The static agent to run there.
    pub agent: PathBuf,
}

/// Which key a server must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HostKeys {
    /// The one in this file. Without the file, the key that the server has now is trusted and written there: it cannot be
    /// known before, since the machine generates it at its first start.
    Pinned {
        /// One public key, as in `ssh_host_ed25519_key.pub`.
        file: PathBuf,
    },
    /// One of those that this file lists for the server.
    Known {
        /// In OpenSSH's `known_hosts` format.
        file: PathBuf,
    },
}

impl fmt::Display for SshWay {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}@{}:{}", self.user, self.host, self.port)
    }
}
