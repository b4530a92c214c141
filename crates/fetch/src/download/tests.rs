//! Downloads that are rejected before anything is written. Resuming and retrying are tested where they are used.

use crate::download::{Download, FetchError, RetryPolicy, fetch};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_testkit::http_server::{HttpServer, ServerBehavior};

/// The error for a file that claims to have `claimed` bytes, where at most `longest` are accepted.
async fn refusal(claimed: u64, longest: u64) -> FetchError {
    let (server, folder) = (HttpServer::start().await, tempfile::tempdir().expect("a folder"));
    server.serve("file", b"short", ServerBehavior::Claims(claimed));
    let partial = folder.path().join(".partial");
    let (events, _seen) = Events::channel();
    let running = events.phase(Part::Source, "fetch", "a file");
    let download = Download::fresh(&server.url("file"), &partial, longest);
    let fetched = fetch(&download, &RetryPolicy::default(), &running, &CancellationToken::new()).await;
    assert!(!partial.exists(), "nothing was written, so nothing is left");
    assert_eq!(server.asked().len(), 1, "another try would end the same way");
    fetched.expect_err("refused")
}

#[tokio::test]
async fn a_file_that_would_fill_the_disk_is_rejected() {
    let error = refusal(1 << 60, u64::MAX).await;
    assert!(matches!(error, FetchError::NoSpace { missing, .. } if missing == 1 << 60), "{error}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_rejected() {
    assert!(matches!(refusal(1001, 1000).await, FetchError::TooLong(1000)));
}
