//! One deadline for one piece of work, threaded through all its waits.

use std::time::{Duration, Instant};

/// A point in time by which something must be done, remembering how long it was given.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// How long it was given in the first place.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The remaining time; zero once it has passed.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Returns whether it has passed.
    pub fn passed(&self) -> bool {
        self.left().is_zero()
    }

    /// Resolves when it passes.
    pub async fn expired(self) {
        tokio::time::sleep_until(self.at.into()).await;
    }
}
