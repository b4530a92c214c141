//! The agent's knowledge of its guest, when it serves a host.

use tokio::sync::watch;

/// A guest, as the agent in it sees it.
#[derive(Debug, Clone)]
pub struct GuestSystem {
    is_init: bool,
    /// Memory in bytes that it may use, where it cannot see that itself.
    memory_limit: Option<u64>,
    /// None where nothing was put off.
    complete: Option<watch::Receiver<bool>>,
}

impl GuestSystem {
    /// A guest that lacks nothing. `is_init`: the agent is its first process.
    pub fn complete(is_init: bool) -> Self {
        Self { is_init, memory_limit: None, complete: None }
    }

    /// A virtual machine that lacks something until the sender sends true.
    pub(crate) fn incomplete() -> (watch::Sender<bool>, Self) {
        let (done, complete) = watch::channel(false);
        (done, Self { is_init: true, memory_limit: None, complete: Some(complete) })
    }

    /// The same, with so many bytes of memory that it may use.
    #[must_use]
    pub fn with_memory_limit(self, memory_limit: Option<u64>) -> Self {
        Self { memory_limit, ..self }
    }

    /// Memory in bytes that it may use, if it was told.
    pub(crate) fn memory_limit(&self) -> Option<u64> {
        self.memory_limit
    }

    /// Returns whether the agent is its first process.
    pub fn is_init(&self) -> bool {
        self.is_init
    }

    /// Resolves when nothing is missing any more.
    pub(crate) async fn completed(&self) {
        if let Some(complete) = &self.complete {
            // An error means that it is never completed: the agent is about to end.
            let _ = complete.clone().wait_for(|complete| *complete).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::GuestSystem;
    use std::time::Duration;

    #[tokio::test(flavor = "current_thread")]
    async fn requests_wait_for_what_is_missing_and_for_nothing_else() {
        GuestSystem::complete(false).completed().await;
        let (done, guest) = GuestSystem::incomplete();
        assert!(tokio::time::timeout(Duration::from_millis(20), guest.completed()).await.is_err());
        done.send_replace(true);
        guest.completed().await;
    }
}
