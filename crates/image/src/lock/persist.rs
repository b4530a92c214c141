//! Asking an archive again when its failure is of a kind that passes, and explaining it when it does not.

use crate::ImageError;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_protocol::PackageTrouble;
use vmbuild_supervise::RunError;

/// Runs `attempt` until it succeeds, its failure is of a kind that stays, or enough is enough. It is told how the
/// last one failed.
pub(super) async fn persist<T>(
    archive: &str,
    events: &Events,
    cancel: &CancellationToken,
    mut attempt: impl AsyncFnMut(Option<PackageTrouble>) -> Result<T, ImageError>,
) -> Result<T, ImageError> {
    let (mut failed, mut last) = (0, None);
    loop {
        let error = match attempt(last).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let trouble = trouble(&error);
        failed += 1;
        let Some(pause) = trouble.pause(failed) else { return Err(explain(error, trouble, archive)) };
        let text = format!("{}: trying again in {} s ({})", trouble.reason(), pause.as_secs(), last_words(&error));
        events.note(Part::Golden, text);
        last = Some(trouble);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cancel.cancelled() => return Err(ImageError::Cancelled),
        }
    }
}

fn trouble(error: &ImageError) -> PackageTrouble {
    match error {
        ImageError::Run(RunError::Failed { tail, .. }) => PackageTrouble::of(&tail.text()),
        ImageError::Run(RunError::TimedOut { .. }) => PackageTrouble::Unreachable,
        _ => PackageTrouble::Other,
    }
}

/// apt's first complaint: the ones after it are consequences.
fn last_words(error: &ImageError) -> String {
    let ImageError::Run(RunError::Failed { tail, .. }) = error else { return error.to_string() };
    let lines = tail.lines();
    let complaint = lines.iter().find(|line| line.starts_with("E: "));
    complaint.map_or(tail.last_line(), |line| line.trim_start_matches("E: ")).to_owned()
}

fn explain(error: ImageError, trouble: PackageTrouble, archive: &str) -> ImageError {
    let archive = archive.to_owned();
    match trouble {
        PackageTrouble::Other => error,
        PackageTrouble::Untrusted => ImageError::Untrusted { archive, source: Box::new(error) },
        trouble => ImageError::Archive { archive, trouble, source: Box::new(error) },
    }
}
