//! A request without a host, for tests.

use crate::request::{RequestContext, Saying};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Progress;

/// A request whose sayings are collected in the background.
pub(super) fn request() -> (RequestContext, RecordedMessages) {
    let (says, mut hears) = mpsc::channel(16);
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(saying) = hears.recv().await {
            heard.push(saying);
        }
        heard
    });
    (
        RequestContext { mark: format!("test-{}", std::process::id()), cancel: CancellationToken::new(), says },
        RecordedMessages(heard),
    )
}

/// What a request said, once it is gone.
pub(super) struct RecordedMessages(tokio::task::JoinHandle<Vec<Saying>>);

impl RecordedMessages {
    /// Waits until every clone of the request has been dropped.
    pub(super) async fn progress(self) -> Vec<Progress> {
        let sayings = self.0.await.expect("the collector does not panic");
        let progress = |saying| match saying {
            Saying::Progress(progress) => Some(progress),
            Saying::Output(..) => None,
        };
        sayings.into_iter().filter_map(progress).collect()
    }
}
