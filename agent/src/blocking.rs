//! Work that blocks, off the thread that serves the host.

/// Runs `work` on a blocking thread, and to its end even if its caller is gone. A panic in it continues here.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime shuts down, and nothing is polled any more.
            Err(_) => std::future::pending().await,
        },
    }
}
