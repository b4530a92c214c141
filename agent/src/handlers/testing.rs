//! A request without a host, for tests.

use crate::request::{Request, Saying};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Progress;

/// A request whose sayings are collected in the background.
pub(super) fn request() -> (Request, Heard) {
    let (says, mut hears) = mpsc::channel(16);
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(saying) = hears.recv().await {
            heard.push(saying);
        }
        heard
    });
    (Request { mark: format!("test-{}", std::process::id()), cancel: CancellationToken::new(), says }, Heard(heard))
}

/// What a request said, once it is gone.
pub(super) struct Heard(tokio::task::JoinHandle<Vec<Saying>>);

impl Heard {
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
