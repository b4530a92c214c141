//! Downloading one file: sources of CPython and cloud images alike.
//!
//! The problem: files of up to a gigabyte come over lines that drop, stall and truncate, from servers that may ignore
//! a range or have another version by now. So a download lies in a temporary file of its own until somebody has
//! verified it; a later try, or a later run, goes on behind what is there, if the server says that it still has the
//! same file; what may pass is tried again, and what may not is told at once. Nothing here decides whether the bytes
//! are the right ones: the caller compares the digest that comes with them.

mod fetch;
mod http;
mod request;
mod resume;
mod retry_policy;
#[cfg(test)]
mod tests;
mod transfer;

pub use fetch::fetch;
pub use request::{Answer, Download, FetchError, Received, Validators};
pub use retry_policy::RetryPolicy;
