//! One download as data: what is fetched, where its bytes go, and how it may end.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use vmbuild_archive::Sha256;

/// What to fetch, and into which temporary file.
#[derive(Debug, Clone)]
pub struct Download {
    /// Where it is.
    pub url: String,
    /// Written in place; the caller renames it once it is verified.
    pub partial: PathBuf,
    /// What `partial` may already hold.
    pub start: PartialContent,
    /// What an earlier answer said about itself.
    pub known: Validators,
    /// What is longer, in bytes, is not what was asked for.
    pub longest: u64,
}

impl Download {
    /// Fetches `url` into `partial` from the beginning.
    pub fn fresh(url: &str, partial: &Path, longest: u64) -> Self {
        let (url, partial) = (url.to_owned(), partial.to_owned());
        Self { url, partial, start: PartialContent::Fresh, known: Validators::default(), longest }
    }

    /// The same, going on behind what `partial` holds already.
    pub fn resumed(url: &str, partial: &Path, longest: u64) -> Self {
        Self { start: PartialContent::Resume, ..Self::fresh(url, partial, longest) }
    }
}

/// What an existing temporary file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialContent {
    /// The first part of what is fetched now: go on behind it.
    Resume,
    /// Nothing: begin at zero.
    Fresh,
}

/// What a server says about the version of a file. Source: RFC 9110, section 8.8.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validators {
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    pub last_modified: Option<String>,
}

impl Validators {
    /// What may stand in `If-Range`: a strong entity tag, or else a date. Source: RFC 9110, section 13.1.5.
    pub fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// How a fetch ended well.
#[derive(Debug)]
pub enum Answer {
    /// The whole file lies in the job's temporary file, synced.
    Received(Received),
    /// The server says that the known version is the current one.
    NotModified,
}

/// What was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
    /// Whether an earlier attempt had left a part of it.
    pub resumed: bool,
    /// What the server said about its version.
    pub validators: Validators,
}

/// Why a fetch failed. Texts, because most become one line in the list of places tried.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host does not exist for us, or nobody there answers.
    #[error("{0}")]
    Unreachable(&'static str),
    /// There was no connection within the patience for it.
    #[error("no connection within {0} s")]
    NoConnection(u64),
    /// The connection broke, stalled, or ended too early.
    #[error("{0}")]
    Broken(String),
    /// The server does not give it.
    #[error("the server answered {0}")]
    Status(u16),
    /// Another try would end the same way: TLS, redirects, the address itself.
    #[error("{0}")]
    Hopeless(String),
    /// Longer than what was asked for can be.
    #[error("longer than {} MB", .0 / 1_000_000)]
    TooLong(u64),
    /// The rest of it would not leave enough room on the disk.
    #[error("{} MB are still to come, and {} MB are free there", .missing / 1_000_000, .free / 1_000_000)]
    NoSpace {
        /// Bytes still to come.
        missing: u64,
        /// Bytes free.
        free: u64,
    },
    /// Our own file.
    #[error("failed to write the download")]
    Local(#[from] io::Error),
    /// The caller's cancellation.
    #[error("interrupted")]
    Cancelled,
}

impl FetchError {
    /// Whether another try may end otherwise. A connection that timed out is not worth one: it has had its patience
    /// already, and another place is likelier to answer.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) => true,
            Self::Status(code) => *code >= 500 || [408, 416, 429].contains(code),
            _ => false,
        }
    }

    /// Whether the host itself was never reached, so that its other files need no try.
    pub fn is_about_the_host(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoConnection(_))
    }
}

/// How far a fetch is, shared between the thread that reads and the task that reports.
#[derive(Debug, Default)]
pub(crate) struct DownloadProgress {
    done: AtomicU64,
    total: AtomicU64,
}

impl DownloadProgress {
    pub(crate) fn set(&self, done: u64, total: Option<u64>) {
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// Bytes done, and in total if known.
    pub(crate) fn get(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed), Some(total).filter(|&total| total > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::FetchError::{self, *};

    fn check(error: &FetchError, may_pass: bool, about_the_host: bool) {
        assert_eq!((error.may_pass(), error.is_about_the_host()), (may_pass, about_the_host), "{error:?}");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        check(&Unreachable("connection refused"), true, true);
        check(&NoConnection(5), false, true);
        check(&Broken("connection reset".to_owned()), true, false);
        check(&Status(404), false, false);
        check(&Status(503), true, false);
        check(&Status(429), true, false);
        check(&Hopeless("bad certificate".to_owned()), false, false);
        check(&TooLong(1), false, false);
        check(&Cancelled, false, false);
    }
}
