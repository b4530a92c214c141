//! A download as data: its address, its file, its outcome and its errors.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vmbuild_archive::Sha256;
use vmbuild_core::format::size;

/// A download.
#[derive(Debug, Clone)]
pub struct Download {
    /// The address.
    pub url: String,
    /// The temporary file; the caller renames it once it is verified.
    pub partial: PathBuf,
    /// The meaning of existing bytes in `partial`.
    pub start: PartialContent,
    /// Validators of an earlier answer.
    pub known: Validators,
    /// Largest accepted file, in bytes.
    pub longest: u64,
}

impl Download {
    /// Fetches `url` into `partial` from the beginning.
    pub fn fresh(url: &str, partial: &Path, longest: u64) -> Self {
        let (url, partial) = (url.to_owned(), partial.to_owned());
        Self { url, partial, start: PartialContent::Fresh, known: Validators::default(), longest }
    }

    /// Fetches `url` into `partial`, resuming what it already contains.
    pub fn resumed(url: &str, partial: &Path, longest: u64) -> Self {
        Self { start: PartialContent::Resume, ..Self::fresh(url, partial, longest) }
    }
}

/// The meaning of an existing temporary file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialContent {
    /// It is the beginning of the file: resume it.
    Resume,
    /// It is unrelated: start over.
    Fresh,
}

/// Timeouts and retries of a download.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Timeout for resolving the host, and again for connecting to it.
    pub connect: Duration,
    /// Timeout for the next byte.
    pub stall: Duration,
    /// Attempts in total for transient errors.
    pub tries: u32,
    /// Pause after the first failed attempt; tripled after each further one.
    pub backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            tries: 3,
            backoff: Duration::from_millis(500),
        }
    }
}

/// A server's validators of a file's version. Source: RFC 9110, section 8.8.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validators {
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    pub last_modified: Option<String>,
}

impl Validators {
    /// The value for `If-Range`: a strong entity tag, or else a date. Source: RFC 9110, section 13.1.5.
    pub fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// A successful answer.
#[derive(Debug)]
pub enum DownloadAnswer {
    /// The complete file is in the download's temporary file, synced.
    Received(ReceivedFile),
    /// The known version is current.
    NotModified,
}

/// A received file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFile {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
    /// True if an earlier attempt was resumed.
    pub resumed: bool,
    /// The server's validators.
    pub validators: Validators,
}

/// Why a download failed. Most errors become one line in a list of places.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host cannot be resolved or does not answer.
    #[error("{0}")]
    Unreachable(&'static str),
    /// There was no connection within the timeout.
    #[error("no connection within {0} s")]
    NoConnection(u64),
    /// The connection broke, stalled, or ended early.
    #[error("{0}")]
    Broken(String),
    /// The server answered with an error.
    #[error("the server answered {0}")]
    Status(u16),
    /// A retry would fail the same way: TLS, redirects, the address itself.
    #[error("{0}")]
    Permanent(String),
    /// Larger than accepted.
    #[error("larger than {}", size(*.0))]
    TooLong(u64),
    /// The rest of it would not leave enough space on the disk.
    #[error("{} needed, {} free", size(*.missing), size(*.free))]
    NoSpace {
        /// Bytes still to come.
        missing: u64,
        /// Bytes free.
        free: u64,
    },
    /// The temporary file.
    #[error("failed to write the download")]
    Local(#[from] io::Error),
    /// The caller's cancellation.
    #[error("interrupted")]
    Cancelled,
}

impl FetchError {
    /// True if a retry may succeed. A connection that timed out is not retried: another place is likelier to answer.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) => true,
            Self::Status(code) => *code >= 500 || [408, 416, 429].contains(code),
            _ => false,
        }
    }

    /// True if the host was never reached, so that its other files need not be tried.
    pub fn is_host_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoConnection(_))
    }
}

/// Progress of a download, shared between the thread that reads and the task that reports.
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

    fn check(error: &FetchError, is_transient: bool, about_the_host: bool) {
        assert_eq!((error.is_transient(), error.is_host_unreachable()), (is_transient, about_the_host), "{error:?}");
    }

    #[test]
    fn only_transient_errors_are_retried() {
        check(&Unreachable("connection refused"), true, true);
        check(&NoConnection(5), false, true);
        check(&Broken("connection reset".to_owned()), true, false);
        check(&Status(404), false, false);
        check(&Status(503), true, false);
        check(&Status(429), true, false);
        check(&Permanent("bad certificate".to_owned()), false, false);
        check(&TooLong(1), false, false);
        check(&Cancelled, false, false);
    }
}
