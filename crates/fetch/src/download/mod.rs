//! Downloads of single files: sources of CPython and cloud images alike.
//!
//! The problem: files of up to a gigabyte come over connections that drop, stall and truncate, from servers that may
//! ignore a range or have another version by now. So a download stays in a temporary file of its own until the caller has
//! verified it; a later attempt, or a later run, resumes it if the server confirms that it still has the same file.
//! Transient errors are retried, permanent ones are reported immediately. The caller verifies the bytes by the returned
//! digest.

mod fetch;
mod http;
mod request;
mod resume;
#[cfg(test)]
mod tests;
mod transfer;

pub use fetch::fetch;
pub use request::{Download, DownloadAnswer, FetchError, ReceivedFile, RetryPolicy, Validators};
