//! One search for a source: the state that all places share, and the verification of downloads.

use crate::cache::{CachedFile, SourceCache};
use crate::error::{FailedAttempt, SourceError};
use crate::expected::{ExpectedArchives, FileNames};
use crate::request::{SourceArchive, SourceOrigin};
use crate::settings::{LONGEST, SourceSettings};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vmbuild_core::blocking;
use vmbuild_core::event::{Events, PhaseGuard};
use vmbuild_core::store::Store;
use vmbuild_fetch::download::{Download, DownloadAnswer, FetchError, ReceivedFile, fetch};

/// One search.
#[derive(Debug)]
pub(super) struct SourceResolver<'a> {
    pub(super) expected: Arc<ExpectedArchives>,
    pub(super) store: &'a Store,
    pub(super) cache: SourceCache,
    pub(super) settings: &'a SourceSettings,
    pub(super) events: &'a Events,
    pub(super) running: PhaseGuard,
    pub(super) cancel: &'a CancellationToken,
}

/// Outcome of trying one place.
#[derive(Debug)]
pub(super) enum PlaceOutcome {
    /// It has the source.
    Found(SourceArchive),
    /// It does not; the reason is among the failed attempts.
    NotHere,
    /// Its host was not reached: its other files are not tried.
    HostDown,
}

/// The places without the source so far.
#[derive(Debug, Default)]
pub(super) struct FailedAttempts {
    attempts: Vec<FailedAttempt>,
    /// Wrong bytes under a guessed name: reported only if no other place has the right ones.
    refused: Option<SourceError>,
}

impl FailedAttempts {
    pub(super) fn add(&mut self, place: impl Into<String>, reason: &impl ToString) {
        let (place, reason) = (place.into(), reason.to_string());
        tracing::info!("source not found at {place}: {reason}");
        self.attempts.push(FailedAttempt { place, reason });
    }

    /// True if it was tried already.
    pub(super) fn has(&self, place: &str) -> bool {
        self.attempts.iter().any(|attempt| attempt.place == place)
    }

    pub(super) fn into_error(self, expected: &ExpectedArchives) -> SourceError {
        let version = expected.version;
        self.refused.unwrap_or(SourceError::NotFound { version, attempts: self.attempts })
    }
}

impl<'a> SourceResolver<'a> {
    pub(super) fn begin(
        expected: ExpectedArchives,
        store: &'a Store,
        settings: &'a SourceSettings,
        events: &'a Events,
        running: PhaseGuard,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self { expected: Arc::new(expected), store, cache: SourceCache::of(store), settings, events, running, cancel }
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
        let kept = blocking(find).await?;
        Ok(kept.map(|CachedFile { path, file_name, bytes, sha256 }| {
            let location = path.display().to_string();
            SourceArchive { path, file_name, bytes, sha256, origin: SourceOrigin::Cache, location }
        }))
    }

    /// Downloads `url`, which may be any expected archive; `nearest` is the likeliest.
    pub(super) async fn download(
        &self,
        url: &str,
        nearest: vmbuild_archive::Sha256,
        origin: SourceOrigin,
        failed: &mut FailedAttempts,
    ) -> Result<PlaceOutcome, SourceError> {
        let partial = self.cache.partial(nearest);
        let job = Download::resumed(url, &partial, LONGEST);
        loop {
            let received = match fetch(&job, &self.settings.retry, &self.running, self.cancel).await {
                Ok(DownloadAnswer::Received(received)) => received,
                Ok(DownloadAnswer::NotModified) => return Ok(record_failure(failed, url, &FetchError::Status(304))),
                Err(error) => return Ok(record_failure(failed, url, &self.place_error(error)?)),
            };
            if self.expected.with_digest(received.sha256).is_some() {
                return self.adopt(&job, &received, origin).map(PlaceOutcome::Found);
            }
            fs_err::remove_file(&job.partial)?;
            // A resumed download may contain wrong bytes of an earlier run: start over.
            if !received.resumed {
                return self.refuse(url, &received, origin, failed);
            }
        }
    }

    fn adopt(
        &self,
        job: &Download,
        received: &ReceivedFile,
        origin: SourceOrigin,
    ) -> Result<SourceArchive, SourceError> {
        let file_name = self.name(&job.url, received);
        let path = self.cache.adopt(&job.partial, received.sha256, &file_name)?;
        let ReceivedFile { bytes, sha256, .. } = *received;
        Ok(SourceArchive { path, file_name, bytes, sha256, origin, location: job.url.clone() })
    }

    /// The pinned name, which tells the format; where there is none, the last part of the address.
    fn name(&self, url: &str, received: &ReceivedFile) -> String {
        let pinned = self.expected.with_digest(received.sha256).filter(|_| self.expected.names == FileNames::Pinned);
        let last = || url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or_default().to_owned();
        pinned.map_or_else(last, |wanted| wanted.file.clone())
    }

    fn refuse(
        &self,
        url: &str,
        received: &ReceivedFile,
        origin: SourceOrigin,
        failed: &mut FailedAttempts,
    ) -> Result<PlaceOutcome, SourceError> {
        let refused = self.expected.mismatch(url.to_owned(), received.sha256);
        if self.expected.names == FileNames::Pinned || origin == SourceOrigin::Url {
            return Err(refused);
        }
        failed.add(url, &format!("has another sha256: {}", received.sha256));
        failed.refused = Some(refused);
        Ok(PlaceOutcome::NotHere)
    }

    /// An error that concerns one place only; an error that ends the whole search is the outer one.
    pub(super) fn place_error(&self, error: FetchError) -> Result<FetchError, SourceError> {
        match error {
            FetchError::Local(source) => Err(SourceError::Store(source)),
            FetchError::Cancelled => Err(self.cancelled()),
            error => Ok(error),
        }
    }

    pub(super) fn cancelled(&self) -> SourceError {
        SourceError::Cancelled { version: self.expected.version }
    }
}

fn record_failure(failed: &mut FailedAttempts, url: &str, error: &FetchError) -> PlaceOutcome {
    failed.add(url, error);
    if error.is_host_unreachable() { PlaceOutcome::HostDown } else { PlaceOutcome::NotHere }
}
