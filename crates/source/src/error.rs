//! Why there is no source.

use std::fmt;
use std::io;
use std::path::PathBuf;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::Version;

/// Why there is no source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No digest is known for the version, and none was given.
    #[error("no source of CPython {version} is known by its sha256")]
    Unlisted {
        /// The version.
        version: Version,
        /// The newest known one of the same minor version.
        newest: Option<Version>,
    },
    /// The bytes are not those that were promised. They are deleted, unless they are the user's own file.
    #[error("{place} is not the source of CPython {version}: expected sha256 {}, got {got}", list(expected))]
    Mismatch {
        /// The version.
        version: Version,
        /// The address or path.
        place: String,
        /// The digests of which one would do.
        expected: Vec<Sha256>,
        /// The digest of what came.
        got: Sha256,
    },
    /// No place had it.
    #[error("failed to get the source of CPython {version}:{}", lines(attempts))]
    Unobtainable {
        /// The version.
        version: Version,
        /// Every place tried.
        attempts: Vec<Attempt>,
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
    #[error("failed to keep the source in the store")]
    Store(#[from] io::Error),
    /// The caller's cancellation.
    #[error("getting the source of CPython {version} was interrupted")]
    Cancelled {
        /// The version.
        version: Version,
    },
}

/// A place that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The address.
    pub place: String,
    /// What went wrong there.
    pub reason: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.place, self.reason)
    }
}

impl Diagnose for SourceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unlisted { .. } | Self::File { .. } => Exit::Usage,
            Self::Mismatch { .. } => Exit::Integrity,
            Self::Unobtainable { .. } | Self::Store(_) => Exit::Environment,
            Self::Cancelled { .. } => Exit::Interrupted,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unlisted { newest, .. } => unlisted_hints(newest.as_ref()),
            Self::Unobtainable { .. } => vec![
                "`--source FILE` takes an archive that you have; HTTPS_PROXY names a proxy".to_owned(),
                "VMBUILD_PYTHON_ORG and VMBUILD_DEBIAN_ARCHIVE name mirrors".to_owned(),
            ],
            Self::Mismatch { .. } => {
                vec!["nothing was built from it; `--source FILE|URL` takes another copy".to_owned()]
            }
            Self::File { .. } | Self::Store(_) | Self::Cancelled { .. } => Vec::new(),
        }
    }
}

fn unlisted_hints(newest: Option<&Version>) -> Vec<String> {
    let known = newest.map(|version| format!("the newest known of this series is {version}"));
    let vouch = "to vouch for an archive yourself: `--source-sha256 <digest>`, with or without `--source`".to_owned();
    known.into_iter().chain([vouch]).collect()
}

fn list(digests: &[Sha256]) -> String {
    digests.iter().map(Sha256::to_string).collect::<Vec<_>>().join(" or ")
}

fn lines(attempts: &[Attempt]) -> String {
    attempts.iter().flat_map(|attempt| ["\n  ".to_owned(), attempt.to_string()]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Attempt, SourceError};
    use vmbuild_core::failure::Diagnose;

    fn shown(error: &SourceError) -> String {
        format!("{error}\nhints: {:#?}\nexit: {:?}", error.hints(), error.exit())
    }

    #[test]
    fn says_what_is_unlisted() {
        let version = "3.12.99".parse().expect("a version");
        let newest = Some("3.12.14".parse().expect("a version"));
        insta::assert_snapshot!(shown(&SourceError::Unlisted { version, newest }));
    }

    #[test]
    fn names_every_place() {
        let attempt = |place: &str, reason: &str| Attempt { place: place.to_owned(), reason: reason.to_owned() };
        let attempts = vec![
            attempt("https://www.python.org/ftp/python/3.13.5/Python-3.13.5.tar.xz", "no connection within 5 s"),
            attempt("Debian archive http://mirror.example/debian", "trixie, bookworm, sid do not have it"),
        ];
        let version = "3.13.5".parse().expect("a version");
        insta::assert_snapshot!(shown(&SourceError::Unobtainable { version, attempts }));
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
