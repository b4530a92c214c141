//! The asynchronous half of a download: tries, pauses, progress, and an end when the caller wants one.

use crate::download::RetryPolicy;
use crate::download::http::agent;
use crate::download::request::{Answer, Download, DownloadProgress, FetchError};
use crate::download::transfer::Transfer;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use vmbuild_core::event::{PhaseGuard, Unit};

/// Between two reports of progress.
const REPORT: Duration = Duration::from_millis(250);

/// A failed try that got this much further (bytes) counts as none: the line is bad, but it moves.
const FURTHER: u64 = 8 << 20;

/// Fetches, trying again what may pass. Later tries go on behind what earlier ones got, if the job allows it.
pub async fn fetch(
    job: &Download,
    patience: &RetryPolicy,
    running: &PhaseGuard,
    cancel: &CancellationToken,
) -> Result<Answer, FetchError> {
    let (mut pause, mut failed, mut furthest) = (patience.backoff, 0, 0);
    loop {
        let progress = Arc::new(DownloadProgress::default());
        let error = match attempt(job, patience, running, &progress, cancel).await {
            Err(error) if error.may_pass() => error,
            settled => return settled,
        };
        let (done, _) = progress.get();
        if done >= furthest + FURTHER {
            (pause, failed, furthest) = (patience.backoff, 0, done);
        }
        failed += 1;
        if failed >= patience.tries {
            return Err(error);
        }
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
    job: &Download,
    patience: &RetryPolicy,
    running: &PhaseGuard,
    progress: &Arc<DownloadProgress>,
    cancel: &CancellationToken,
) -> Result<Answer, FetchError> {
    let breaker = Breaker { agent: agent(patience, &job.url), stop: cancel.child_token() };
    let mut worker = spawn(job.clone(), *patience, Arc::clone(progress), &breaker);
    let mut reports = tokio::time::interval(REPORT);
    reports.tick().await;
    let mut tripped = false;
    loop {
        tokio::select! {
            outcome = &mut worker => {
                report(progress, running, job);
                return outcome.unwrap_or_else(lost);
            }
            () = cancel.cancelled(), if !tripped => {
                breaker.trip();
                tripped = true;
            }
            _ = reports.tick() => report(progress, running, job),
        }
    }
}

fn spawn(
    job: Download,
    patience: RetryPolicy,
    progress: Arc<DownloadProgress>,
    breaker: &Breaker,
) -> JoinHandle<Result<Answer, FetchError>> {
    let (agent, stop) = (breaker.agent.clone(), breaker.stop.clone());
    tokio::task::spawn_blocking(move || {
        Transfer { agent: &agent, job: &job, patience: &patience, progress: &progress, stop: &stop }.run()
    })
}

/// A thread that never ran was dropped with its runtime: the program is ending.
fn lost(error: JoinError) -> Result<Answer, FetchError> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(FetchError::Cancelled),
    }
}

fn report(progress: &DownloadProgress, running: &PhaseGuard, job: &Download) {
    let (done, total) = progress.get();
    if done > 0 {
        running.advance(done, total, Unit::Bytes, &job.url);
    }
}

/// Ends the blocking thread soon, even when the future that waits for it is dropped.
#[derive(Debug)]
struct Breaker {
    agent: Agent,
    stop: CancellationToken,
}

impl Breaker {
    fn trip(&self) {
        self.stop.cancel();
        self.agent.clone().shutdown();
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.trip();
    }
}
