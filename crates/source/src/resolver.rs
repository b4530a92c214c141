//! One search for a source: what all places share, and the one way a download becomes a source.

use crate::cache::{Cache, CachedFile};
use crate::error::{Attempt, SourceError};
use crate::expected::{ExpectedArchives, Names};
use crate::request::{SourceArchive, SourceOrigin};
use crate::settings::{LONGEST, Settings};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, PhaseGuard};
use vmbuild_core::store::Store;
use vmbuild_fetch::download::{Answer, Download, FetchError, Received, fetch};

/// One search.
#[derive(Debug)]
pub(super) struct SourceResolver<'a> {
    pub(super) expected: Arc<ExpectedArchives>,
    pub(super) store: &'a Store,
    pub(super) cache: Cache,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
    pub(super) running: PhaseGuard,
    pub(super) cancel: &'a CancellationToken,
}

/// What became of one place.
#[derive(Debug)]
pub(super) enum PlaceOutcome {
    /// It had it.
    Found(SourceArchive),
    /// It does not have it; the reason is in the trail.
    NotHere,
    /// Its host was not reached: its other files need no try.
    HostDown,
}

/// The places tried in vain so far.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    attempts: Vec<Attempt>,
    /// Wrong bytes under a guessed name: told only if no other place has the right ones.
    refused: Option<SourceError>,
}

impl Attempts {
    pub(super) fn add(&mut self, place: impl Into<String>, reason: &impl ToString) {
        self.attempts.push(Attempt { place: place.into(), reason: reason.to_string() });
    }

    /// Whether it was tried already.
    pub(super) fn has(&self, place: &str) -> bool {
        self.attempts.iter().any(|attempt| attempt.place == place)
    }

    pub(super) fn into_error(self, expected: &ExpectedArchives) -> SourceError {
        let version = expected.version;
        self.refused.unwrap_or(SourceError::Unobtainable { version, attempts: self.attempts })
    }
}

impl<'a> SourceResolver<'a> {
    pub(super) fn begin(
        expected: ExpectedArchives,
        store: &'a Store,
        settings: &'a Settings,
        events: &'a Events,
        running: PhaseGuard,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self { expected: Arc::new(expected), store, cache: Cache::of(store), settings, events, running, cancel }
    }

    /// The first expected archive that the store has.
    pub(super) async fn cached(&self) -> Result<Option<SourceArchive>, SourceError> {
        let (cache, expected, events) = (self.cache.clone(), Arc::clone(&self.expected), self.events.clone());
        let find = move || -> std::io::Result<Option<CachedFile>> {
            for digest in expected.preferred() {
                if let Some(kept) = cache.find(digest, &events)? {
                    return Ok(Some(kept));
                }
            }
            Ok(None)
        };
        let kept = self.blocking(find).await??;
        Ok(kept.map(|CachedFile { path, file_name, bytes, sha256 }| {
            let location = path.display().to_string();
            SourceArchive { path, file_name, bytes, sha256, origin: SourceOrigin::Cache, location }
        }))
    }

    /// Gets `url`, which may hold any expected archive; `nearest` is the one it most likely holds.
    pub(super) async fn download(
        &self,
        url: &str,
        nearest: vmbuild_archive::Sha256,
        origin: SourceOrigin,
        trail: &mut Attempts,
    ) -> Result<PlaceOutcome, SourceError> {
        let partial = self.cache.partial(nearest);
        let job = Download::resumed(url, &partial, LONGEST);
        loop {
            let received = match fetch(&job, &self.settings.patience, &self.running, self.cancel).await {
                Ok(Answer::Received(received)) => received,
                Ok(Answer::NotModified) => return Ok(missed(trail, url, &FetchError::Status(304))),
                Err(error) => return Ok(missed(trail, url, &self.passing(error)?)),
            };
            if self.expected.with_digest(received.sha256).is_some() {
                return self.adopt(&job, &received, origin).map(PlaceOutcome::Found);
            }
            fs_err::remove_file(&job.partial)?;
            // What an earlier run left may have been wrong, not what came now: once more from the beginning.
            if !received.resumed {
                return self.refuse(url, &received, origin, trail);
            }
        }
    }

    fn adopt(&self, job: &Download, received: &Received, origin: SourceOrigin) -> Result<SourceArchive, SourceError> {
        let file_name = self.name(&job.url, received);
        let path = self.cache.adopt(&job.partial, received.sha256, &file_name)?;
        let Received { bytes, sha256, .. } = *received;
        Ok(SourceArchive { path, file_name, bytes, sha256, origin, location: job.url.clone() })
    }

    /// The pinned name, which says the format; where there is none, what the address ends with.
    fn name(&self, url: &str, received: &Received) -> String {
        let pinned = self.expected.with_digest(received.sha256).filter(|_| self.expected.names == Names::Pinned);
        let last = || url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or_default().to_owned();
        pinned.map_or_else(last, |wanted| wanted.file.clone())
    }

    fn refuse(
        &self,
        url: &str,
        received: &Received,
        origin: SourceOrigin,
        trail: &mut Attempts,
    ) -> Result<PlaceOutcome, SourceError> {
        let refused = self.expected.mismatch(url.to_owned(), received.sha256);
        if self.expected.names == Names::Pinned || origin == SourceOrigin::Url {
            return Err(refused);
        }
        trail.add(url, &format!("has another sha256: {}", received.sha256));
        trail.refused = Some(refused);
        Ok(PlaceOutcome::NotHere)
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

fn missed(trail: &mut Attempts, url: &str, error: &FetchError) -> PlaceOutcome {
    trail.add(url, error);
    if error.is_about_the_host() { PlaceOutcome::HostDown } else { PlaceOutcome::NotHere }
}
