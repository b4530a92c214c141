//! How patiently something is downloaded.

use std::time::Duration;

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// For finding the host, and again for connecting to it.
    pub connect: Duration,
    /// For the next byte.
    pub stall: Duration,
    /// Tries altogether for failures that may pass.
    pub tries: u32,
    /// Pause after the first failed try; tripled after each further one.
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
