//! Requests for sources, and verified source archives.

use serde::Serialize;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use vmbuild_archive::Sha256;
use vmbuild_cpython::Version;

/// A request for a source.
#[derive(Debug, Clone)]
pub struct SourceRequest {
    /// The version of CPython.
    pub version: Version,
    /// The user's own file or URL; nothing else is tried then.
    pub given: Option<FileOrUrl>,
    /// The user's own digest; replaces the pinned ones.
    pub sha256: Option<Sha256>,
}

/// A place the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOrUrl {
    /// A file of this machine; relative to the current directory.
    File(PathBuf),
    /// An `http` or `https` address.
    Url(String),
}

impl FromStr for FileOrUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        Ok(if is_url { Self::Url(text.to_owned()) } else { Self::File(text.into()) })
    }
}

/// A verified source archive, in the store, so that the verified bytes are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceArchive {
    /// Its path in the store.
    pub path: PathBuf,
    /// Its own name, such as `Python-3.13.5.tar.xz`.
    pub file_name: String,
    /// Its length.
    pub bytes: u64,
    /// Its digest, one of those that were expected.
    pub sha256: Sha256,
    /// Its origin in this run.
    pub origin: SourceOrigin,
    /// Its address or path in this run.
    pub location: String,
}

/// The origin of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceOrigin {
    /// The store, from an earlier run.
    Cache,
    /// A file the user named.
    File,
    /// A URL the user named.
    Url,
    /// python.org or its replacement in the settings.
    PythonOrg,
    /// The pool of a Debian archive.
    DebianPool,
}

impl fmt::Display for SourceOrigin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Cache => "cache",
            Self::File => "given file",
            Self::Url => "given URL",
            Self::PythonOrg => "python.org",
            Self::DebianPool => "Debian pool",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::FileOrUrl::{self, File, Url};

    fn check(input: &str, expect: &FileOrUrl) {
        assert_eq!(input.parse(), Ok(expect.clone()), "{input}");
    }

    #[test]
    fn tells_urls_from_files() {
        check("https://a.example/x.tgz", &Url("https://a.example/x.tgz".to_owned()));
        check("http://a.example/x.tgz", &Url("http://a.example/x.tgz".to_owned()));
        check("x.tgz", &File("x.tgz".into()));
        check("/tmp/http:/x.tgz", &File("/tmp/http:/x.tgz".into()));
    }
}
