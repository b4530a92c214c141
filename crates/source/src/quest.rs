//! One search for a source: what all places share, and the one way a download becomes a source.

use crate::cache::{Cache, Kept};
use crate::error::{Attempt, SourceError};
use crate::expected::{Expected, Names};
use crate::request::{Origin, Source};
use crate::settings::{LONGEST, Settings};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Running};
use vmbuild_core::store::Store;
use vmbuild_fetch::download::{Answer, FetchError, Job, Received, fetch};

/// One search.
#[derive(Debug)]
pub(super) struct Quest<'a> {
    pub(super) expected: Arc<Expected>,
    pub(super) store: &'a Store,
    pub(super) cache: Cache,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
    pub(super) running: Running,
    pub(super) cancel: &'a CancellationToken,
}

/// What became of one place.
#[derive(Debug)]
pub(super) enum Step {
    /// It had it.
    Found(Source),
    /// It does not have it; the reason is in the trail.
    NotHere,
    /// Its host was not reached: its other files need no try.
    HostDown,
}

/// The places tried in vain so far.
#[derive(Debug, Default)]
pub(super) struct Trail {
    attempts: Vec<Attempt>,
    /// Wrong bytes under a guessed name: told only if no other place has the right ones.
    refused: Option<SourceError>,
}

impl Trail {
    pub(super) fn add(&mut self, place: impl Into<String>, reason: &impl ToString) {
        self.attempts.push(Attempt { place: place.into(), reason: reason.to_string() });
    }

    /// Whether it was tried already.
    pub(super) fn has(&self, place: &str) -> bool {
        self.attempts.iter().any(|attempt| attempt.place == place)
    }

    pub(super) fn into_error(self, expected: &Expected) -> SourceError {
        let version = expected.version;
        self.refused.unwrap_or(SourceError::Unobtainable { version, attempts: self.attempts })
    }
}

impl<'a> Quest<'a> {
    pub(super) fn begin(
        expected: Expected,
        store: &'a Store,
        settings: &'a Settings,
        events: &'a Events,
        running: Running,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self { expected: Arc::new(expected), store, cache: Cache::of(store), settings, events, running, cancel }
    }

    /// The first expected archive that the store has.
    pub(super) async fn cached(&self) -> Result<Option<Source>, SourceError> {
        let (cache, expected, events) = (self.cache.clone(), Arc::clone(&self.expected), self.events.clone());
        let find = move || -> std::io::Result<Option<Kept>> {
            for digest in expected.preferred() {
                if let Some(kept) = cache.find(digest, &events)? {
                    return Ok(Some(kept));
                }
            }
            Ok(None)
        };
        let kept = self.blocking(find).await??;
        Ok(kept.map(|Kept { path, file_name, bytes, sha256 }| {
            let location = path.display().to_string();
            Source { path, file_name, bytes, sha256, origin: Origin::Cache, location }
        }))
    }

    /// Gets `url`, which may hold any expected archive; `nearest` is the one it most likely holds.
    pub(super) async fn download(
        &self,
        url: &str,
        nearest: vmbuild_archive::Sha256,
        origin: Origin,
        trail: &mut Trail,
    ) -> Result<Step, SourceError> {
        let partial = self.cache.partial(nearest);
        let job = Job::resumed(url, &partial, LONGEST);
        loop {
            let received = match fetch(&job, &self.settings.patience, &self.running, self.cancel).await {
                Ok(Answer::Received(received)) => received,
                Ok(Answer::NotModified) => return Ok(missed(trail, url, &FetchError::Status(304))),
                Err(error) => return Ok(missed(trail, url, &self.passing(error)?)),
            };
            if self.expected.with_digest(received.sha256).is_some() {
                return self.adopt(&job, &received, origin).map(Step::Found);
            }
            fs_err::remove_file(&job.partial)?;
            // What an earlier run left may have been wrong, not what came now: once more from the beginning.
            if !received.resumed {
                return self.refuse(url, &received, origin, trail);
            }
        }
    }

    fn adopt(&self, job: &Job, received: &Received, origin: Origin) -> Result<Source, SourceError> {
        let file_name = self.name(&job.url, received);
        let path = self.cache.adopt(&job.partial, received.sha256, &file_name)?;
        let Received { bytes, sha256, .. } = *received;
        Ok(Source { path, file_name, bytes, sha256, origin, location: job.url.clone() })
    }

    /// The pinned name, which says the format; where there is none, what the address ends with.
    fn name(&self, url: &str, received: &Received) -> String {
        let pinned = self.expected.with_digest(received.sha256).filter(|_| self.expected.names == Names::Pinned);
        let last = || url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or_default().to_owned();
        pinned.map_or_else(last, |wanted| wanted.file.clone())
    }

    fn refuse(&self, url: &str, received: &Received, origin: Origin, trail: &mut Trail) -> Result<Step, SourceError> {
        let refused = self.expected.mismatch(url.to_owned(), received.sha256);
        if self.expected.names == Names::Pinned || origin == Origin::Url {
            return Err(refused);
        }
        trail.add(url, &format!("has another sha256: {}", received.sha256));
        trail.refused = Some(refused);
        Ok(Step::NotHere)
    }

    /// An error that concerns one place only; what ends the whole search comes back as the outer error.
    pub(super) fn passing(&self, error: FetchError) -> Result<FetchError, SourceError> {
        match error {
            FetchError::Local(source) => Err(SourceError::Store(source)),
            FetchError::Cancelled => Err(self.cancelled()),
            error => Ok(error),
        }
    }

    pub(super) fn cancelled(&self) -> SourceError {
        SourceError::Cancelled { version: self.expected.version }
    }

    /// Runs what hashes or decompresses on a thread that may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SourceError> {
        match tokio::task::spawn_blocking(work).await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(done) => Ok(done),
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => Err(self.cancelled()),
        }
    }
}

fn missed(trail: &mut Trail, url: &str, error: &FetchError) -> Step {
    trail.add(url, error);
    if error.is_about_the_host() { Step::HostDown } else { Step::NotHere }
}
