//! Work that blocks its thread.

use std::panic::resume_unwind;

/// Runs hashing, compression and the like on a thread that may block. A panic there continues here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => resume_unwind(match error.try_into_panic() {
            Ok(panic) => panic,
            // Only a runtime that is being shut down cancels blocking work, and nothing awaits it any more.
            Err(cancelled) => Box::new(cancelled),
        }),
    }
}
