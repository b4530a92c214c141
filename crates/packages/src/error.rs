//! Errors of package archives, locks and the cache.

use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::RunError;

use crate::PackageTrouble;

/// Why packages could not be resolved, fetched or read.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// A file of the package cache or of an archive's state.
    #[error("failed to access the package cache")]
    Io(#[from] std::io::Error),
    /// A lock file or package list is malformed.
    #[error("failed to parse `{file}`")]
    Malformed {
        /// The file.
        file: String,
        /// The parser's reason.
        #[source]
        source: toml::de::Error,
    },
    /// The host's apt has no Debian archive configured.
    #[error("no Debian archive is configured on this host: {reason}")]
    NoArchive {
        /// Why none was found.
        reason: String,
    },
    /// The override is not an archive's address.
    #[error("`{value}` in {variable} is not an http, https or file address")]
    BadArchive {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// An image's snapshot is not a time.
    #[error("invalid snapshot `{stamp}` (expected a time such as 20260705T000000Z)")]
    BadSnapshot {
        /// The value in the image's description.
        stamp: String,
    },
    /// An image asks for an old state of the archive, and no folder of old states is configured.
    #[error("the image needs the archive's state of {stamp}, and no archive of old states is configured")]
    NoSnapshots {
        /// The time.
        stamp: String,
    },
    /// The archive's keyring is missing.
    #[error("the archive's keyring {} does not exist", path.display())]
    NoKeyring {
        /// The expected path.
        path: PathBuf,
    },
    /// A path that a program is given is not UTF-8.
    #[error("{} is not valid UTF-8", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// The archive's index cannot be used.
    #[error("failed to parse the archive's index at `{paragraph}`")]
    Index {
        /// The first line of the paragraph.
        paragraph: String,
    },
    /// The archive failed repeatedly.
    #[error("{}: {archive}", trouble.reason())]
    Archive {
        /// The archive.
        archive: String,
        /// The kind of failure.
        trouble: PackageTrouble,
        /// The last failed run.
        #[source]
        source: Box<Self>,
    },
    /// The archive's signature or its files do not verify.
    #[error("the archive {archive} could not be trusted")]
    Untrusted {
        /// The archive.
        archive: String,
        /// The failed run.
        #[source]
        source: Box<Self>,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The caller's cancellation.
    #[error("fetching packages was interrupted")]
    Cancelled,
}

impl PackagesError {
    /// True if no archive answered, so that packages in the cache may be used instead. A signature or a hash that does
    /// not verify is never such a failure.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::NoArchive { .. } | Self::Archive { trouble: PackageTrouble::Unreachable, .. })
    }
}

impl Diagnose for PackagesError {
    fn exit(&self) -> Exit {
        match self {
            Self::BadArchive { .. } | Self::BadSnapshot { .. } => Exit::Usage,
            Self::Untrusted { .. } | Self::Archive { trouble: PackageTrouble::Mismatch, .. } => Exit::Integrity,
            Self::Cancelled => Exit::Interrupted,
            Self::Run(error) => error.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoArchive { .. } | Self::BadArchive { .. } => vec![
                "VMBUILD_DEBIAN_ARCHIVE names a Debian archive: the folder that holds `dists` and `pool`".to_owned(),
                "on a Debian host, `apt-get update` lets apt say which archive it uses".to_owned(),
            ],
            Self::NoSnapshots { .. } => {
                vec!["VMBUILD_DEBIAN_SNAPSHOTS names the folder that holds one archive for each time".to_owned()]
            }
            Self::NoKeyring { .. } => vec!["on Debian and Ubuntu: `apt install debian-archive-keyring`".to_owned()],
            Self::NotText { .. } => vec!["set VMBUILD_HOME to a folder with a plain name".to_owned()],
            Self::Untrusted { .. } => vec!["use another mirror: VMBUILD_DEBIAN_ARCHIVE names one".to_owned()],
            Self::Archive { trouble, .. } => vec![archive_hint(*trouble).to_owned()],
            Self::Run(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

fn archive_hint(trouble: PackageTrouble) -> &'static str {
    match trouble {
        PackageTrouble::Mismatch => "try again later if the mirror is being updated; a proxy may also change files",
        PackageTrouble::Gone => "the archive has moved on: try again, or use another mirror (VMBUILD_DEBIAN_ARCHIVE)",
        PackageTrouble::Locked => "wait until the other package manager has finished",
        _ => "check the network; VMBUILD_DEBIAN_ARCHIVE names another mirror, http_proxy a proxy",
    }
}
