//! Retries of archive requests whose failure may pass, and errors for those whose failure does not.

use crate::{PackageTrouble, PackagesError};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_supervise::RunError;

/// Runs `attempt` until it succeeds, fails for good, or its retries are used up. Each attempt is given the previous
/// failure.
pub async fn retry<T>(
    archive: &str,
    events: &Events,
    cancel: &CancellationToken,
    mut attempt: impl AsyncFnMut(Option<PackageTrouble>) -> Result<T, PackagesError>,
) -> Result<T, PackagesError> {
    let (mut failed, mut last) = (0, None);
    loop {
        let error = match attempt(last).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let trouble = trouble(&error);
        failed += 1;
        let Some(pause) = trouble.pause(failed) else { return Err(final_error(error, trouble, archive)) };
        let text = format!("{}: retrying in {} s ({})", trouble.reason(), pause.as_secs(), first_complaint(&error));
        events.note(Part::Golden, text);
        last = Some(trouble);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cancel.cancelled() => return Err(PackagesError::Cancelled),
        }
    }
}

fn trouble(error: &PackagesError) -> PackageTrouble {
    match error {
        PackagesError::Run(RunError::Failed { tail, .. }) => PackageTrouble::of(&tail.text()),
        PackagesError::Run(RunError::TimedOut { .. }) => PackageTrouble::Unreachable,
        _ => PackageTrouble::Other,
    }
}

/// apt's first error line: the ones after it are consequences.
fn first_complaint(error: &PackagesError) -> String {
    let PackagesError::Run(RunError::Failed { tail, .. }) = error else { return error.to_string() };
    let lines = tail.lines();
    let complaint = lines.iter().find(|line| line.starts_with("E: "));
    complaint.map_or(tail.last_line(), |line| line.trim_start_matches("E: ")).to_owned()
}

fn final_error(error: PackagesError, trouble: PackageTrouble, archive: &str) -> PackagesError {
    let archive = archive.to_owned();
    match trouble {
        PackageTrouble::Other => error,
        PackageTrouble::Untrusted => PackagesError::Untrusted { archive, source: Box::new(error) },
        trouble => PackagesError::Archive { archive, trouble, source: Box::new(error) },
    }
}
