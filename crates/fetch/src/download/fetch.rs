//! The asynchronous half of a download: attempts, pauses, progress and cancellation.

use crate::download::RetryPolicy;
use crate::download::http::agent;
use crate::download::request::{Download, DownloadAnswer, DownloadProgress, FetchError};
use crate::download::transfer::HttpTransfer;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use vmbuild_core::event::{PhaseGuard, Unit};

/// Interval between two reports of progress.
const REPORT: Duration = Duration::from_millis(250);

/// A failed attempt that got this much further (bytes) does not count: the connection is bad, but it makes progress.
const FURTHER: u64 = 8 << 20;

/// Fetches a file, retrying transient errors. Later attempts resume earlier ones, if the download allows it.
pub async fn fetch(
    download: &Download,
    retry: &RetryPolicy,
    running: &PhaseGuard,
    cancel: &CancellationToken,
) -> Result<DownloadAnswer, FetchError> {
    let (mut pause, mut failed, mut furthest) = (retry.backoff, 0, 0);
    loop {
        let progress = Arc::new(DownloadProgress::default());
        let error = match attempt(download, retry, running, &progress, cancel).await {
            Err(error) if error.is_transient() => error,
            settled => return settled,
        };
        let (done, _) = progress.get();
        if done >= furthest + FURTHER {
            (pause, failed, furthest) = (retry.backoff, 0, done);
        }
        failed += 1;
        if failed >= retry.tries {
            return Err(error);
        }
        tracing::warn!(failed, ?pause, url = %download.url, "download failed, retrying: {error}");
        sleep(pause, cancel).await?;
        pause *= 3;
    }
}

async fn sleep(pause: Duration, cancel: &CancellationToken) -> Result<(), FetchError> {
    tokio::select! {
        () = cancel.cancelled() => Err(FetchError::Cancelled),
        () = tokio::time::sleep(pause) => Ok(()),
    }
}

async fn attempt(
    download: &Download,
    retry: &RetryPolicy,
    running: &PhaseGuard,
    progress: &Arc<DownloadProgress>,
    cancel: &CancellationToken,
) -> Result<DownloadAnswer, FetchError> {
    let guard = CancelGuard { agent: agent(retry, &download.url), stop: cancel.child_token() };
    let mut worker = spawn(download.clone(), *retry, Arc::clone(progress), &guard);
    let mut reports = tokio::time::interval(REPORT);
    reports.tick().await;
    let mut tripped = false;
    loop {
        tokio::select! {
            outcome = &mut worker => {
                report(progress, running, download);
                return outcome.unwrap_or_else(lost);
            }
            () = cancel.cancelled(), if !tripped => {
                guard.trip();
                tripped = true;
            }
            _ = reports.tick() => report(progress, running, download),
        }
    }
}

fn spawn(
    download: Download,
    retry: RetryPolicy,
    progress: Arc<DownloadProgress>,
    guard: &CancelGuard,
) -> JoinHandle<Result<DownloadAnswer, FetchError>> {
    let (agent, stop) = (guard.agent.clone(), guard.stop.clone());
    tokio::task::spawn_blocking(move || {
        HttpTransfer { agent: &agent, download: &download, retry: &retry, progress: &progress, stop: &stop }.run()
    })
}

/// A thread that never ran was dropped with its runtime: the program is exiting.
fn lost(error: JoinError) -> Result<DownloadAnswer, FetchError> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(FetchError::Cancelled),
    }
}

fn report(progress: &DownloadProgress, running: &PhaseGuard, download: &Download) {
    let (done, total) = progress.get();
    if done > 0 {
        running.advance(done, total, Unit::Bytes, &download.url);
    }
}

/// Stops the blocking thread, even when the future that waits for it is dropped.
#[derive(Debug)]
struct CancelGuard {
    agent: Agent,
    stop: CancellationToken,
}

impl CancelGuard {
    fn trip(&self) {
        self.stop.cancel();
        self.agent.clone().shutdown();
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.trip();
    }
}
