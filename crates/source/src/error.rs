//! Errors of sources.

use std::fmt;
use std::io;
use std::path::PathBuf;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::Version;

/// Why a source could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No digest is known for the version, and none was given.
    #[error("unknown CPython version {version}: no sha256 is pinned for its source")]
    UnknownVersion {
        /// The version.
        version: Version,
        /// The newest known one of the same minor version.
        newest: Option<Version>,
    },
    /// The digest differs from the expected one. The file is deleted, unless it is the user's own.
    #[error("{place} is not the source of CPython {version}: expected sha256 {}, got {got}", list(expected))]
    Mismatch {
        /// The version.
        version: Version,
        /// The address or path.
        place: String,
        /// The accepted digests.
        expected: Vec<Sha256>,
        /// The digest received.
        got: Sha256,
    },
    /// No place had it.
    #[error("failed to fetch the source of CPython {version}:{}", lines(attempts))]
    NotFound {
        /// The version.
        version: Version,
        /// Every place tried.
        attempts: Vec<FailedAttempt>,
    },
    /// The file the user named cannot be used.
    #[error("failed to read the source {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The store's files.
    #[error("failed to store the source")]
    Store(#[from] io::Error),
    /// The caller's cancellation.
    #[error("fetching the source of CPython {version} was interrupted")]
    Cancelled {
        /// The version.
        version: Version,
    },
}

/// A place without the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The address.
    pub place: String,
    /// The reason.
    pub reason: String,
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.place, self.reason)
    }
}

impl Diagnose for SourceError {
    fn exit(&self) -> Exit {
        match self {
            Self::UnknownVersion { .. } | Self::File { .. } => Exit::Usage,
            Self::Mismatch { .. } => Exit::Integrity,
            Self::NotFound { .. } | Self::Store(_) => Exit::Environment,
            Self::Cancelled { .. } => Exit::Interrupted,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::UnknownVersion { newest, .. } => unlisted_hints(newest.as_ref()),
            Self::NotFound { .. } => vec![
                "`--source FILE` uses a local archive; HTTPS_PROXY names a proxy".to_owned(),
                "VMBUILD_PYTHON_ORG and VMBUILD_DEBIAN_ARCHIVE name mirrors".to_owned(),
            ],
            Self::Mismatch { .. } => {
                vec!["nothing was built from it; `--source FILE|URL` uses another copy".to_owned()]
            }
            Self::File { .. } | Self::Store(_) | Self::Cancelled { .. } => Vec::new(),
        }
    }
}

fn unlisted_hints(newest: Option<&Version>) -> Vec<String> {
    let known = newest.map(|version| format!("the newest known version of this series is {version}"));
    let own = "`--source-sha256 <digest>` accepts an archive of your own choice, with or without `--source`".to_owned();
    known.into_iter().chain([own]).collect()
}

fn list(digests: &[Sha256]) -> String {
    digests.iter().map(Sha256::to_string).collect::<Vec<_>>().join(" or ")
}

fn lines(attempts: &[FailedAttempt]) -> String {
    attempts.iter().flat_map(|attempt| ["\n  ".to_owned(), attempt.to_string()]).collect()
}

#[cfg(test)]
mod tests {
    use super::{FailedAttempt, SourceError};
    use vmbuild_core::failure::Diagnose;

    fn shown(error: &SourceError) -> String {
        format!("{error}\nhints: {:#?}\nexit: {:?}", error.hints(), error.exit())
    }

    #[test]
    fn names_the_newest_known_version() {
        let version = "3.12.99".parse().expect("a version");
        let newest = Some("3.12.14".parse().expect("a version"));
        insta::assert_snapshot!(shown(&SourceError::UnknownVersion { version, newest }));
    }

    #[test]
    fn names_every_place() {
        let attempt = |place: &str, reason: &str| FailedAttempt { place: place.to_owned(), reason: reason.to_owned() };
        let attempts = vec![
            attempt("https://www.python.org/ftp/python/3.13.5/Python-3.13.5.tar.xz", "no connection within 5 s"),
            attempt("Debian archive http://mirror.example/debian", "trixie, bookworm, sid do not have it"),
        ];
        let version = "3.13.5".parse().expect("a version");
        insta::assert_snapshot!(shown(&SourceError::NotFound { version, attempts }));
    }

    #[test]
    fn shows_both_digests() {
        let digest = |digit: &str| digit.repeat(64).parse().expect("64 digits");
        let error = SourceError::Mismatch {
            version: "3.13.5".parse().expect("a version"),
            place: "http://mirror.example/x.tgz".to_owned(),
            expected: vec![digest("a"), digest("b")],
            got: digest("c"),
        };
        insta::assert_snapshot!(shown(&error));
    }
}
