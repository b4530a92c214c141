//! Timeouts and retries of downloads.

use std::time::Duration;

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
