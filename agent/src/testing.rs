//! A request without a host, for tests.

use crate::request::{HandlerEvent, RequestContext};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Progress;

/// A request whose events are collected in the background.
pub(crate) fn request() -> (RequestContext, RecordedEvents) {
    let (events, mut received) = mpsc::channel(16);
    let collector = tokio::spawn(async move {
        let mut collected = Vec::new();
        while let Some(event) = received.recv().await {
            collected.push(event);
        }
        collected
    });
    let mark = format!("test-{}", std::process::id());
    (RequestContext { mark, cancel: CancellationToken::new(), events }, RecordedEvents(collector))
}

/// The events of a request.
pub(crate) struct RecordedEvents(tokio::task::JoinHandle<Vec<HandlerEvent>>);

impl RecordedEvents {
    /// Waits until every clone of the request has been dropped.
    pub(crate) async fn progress(self) -> Vec<Progress> {
        let events = self.0.await.expect("the collector does not panic");
        let progress = |event| match event {
            HandlerEvent::Progress(progress) => Some(progress),
            HandlerEvent::Output(..) => None,
        };
        events.into_iter().filter_map(progress).collect()
    }
}
