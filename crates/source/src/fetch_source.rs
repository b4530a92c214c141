//! Fetching a source: the order in which places are tried.

use crate::expected::{ExpectedArchives, FileNames};
use crate::request::{FileOrUrl, SourceArchive, SourceRequest};
use crate::resolver::{FailedAttempts, PlaceOutcome, SourceResolver};
use crate::{SourceError, SourceSettings, debian_pool, python_org, user_source};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::format::size;
use vmbuild_core::store::Store;

/// The verified source of a version: from the store, or from the first place that has it.
pub async fn fetch_source(
    request: &SourceRequest,
    store: &Store,
    settings: &SourceSettings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<SourceArchive, SourceError> {
    let expected = ExpectedArchives::of(&request.version, request.sha256)?;
    fetch_expected(expected, request.given.as_ref(), store, settings, events, cancel).await
}

pub(super) async fn fetch_expected(
    expected: ExpectedArchives,
    given: Option<&FileOrUrl>,
    store: &Store,
    settings: &SourceSettings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<SourceArchive, SourceError> {
    let running = events.phase(Part::Source, "fetch", format!("CPython {}", expected.version));
    let resolver = SourceResolver::begin(expected, store, settings, events, running, cancel);
    let source = search(&resolver, given).await?;
    let summary = summary(&source, resolver.expected.names);
    resolver.running.finish(summary);
    Ok(source)
}

async fn search(resolver: &SourceResolver<'_>, given: Option<&FileOrUrl>) -> Result<SourceArchive, SourceError> {
    if let Some(FileOrUrl::File(path)) = given {
        // Before the cache: a wrong file that the user named must not go unnoticed.
        return user_source::copy_file(resolver, path).await;
    }
    let locks = resolver.cache.lock(&resolver.expected.digests(), resolver.events, resolver.cancel).await?;
    let _locks = locks.ok_or_else(|| resolver.cancelled())?;
    if let Some(source) = resolver.cached().await? {
        return Ok(source);
    }
    match given {
        Some(FileOrUrl::Url(url)) => from_url(resolver, url).await,
        _ => from_known_places(resolver).await,
    }
}

async fn from_url(resolver: &SourceResolver<'_>, url: &str) -> Result<SourceArchive, SourceError> {
    let mut failed = FailedAttempts::default();
    match user_source::download(resolver, url, &mut failed).await? {
        PlaceOutcome::Found(source) => Ok(source),
        PlaceOutcome::NotHere | PlaceOutcome::HostDown => Err(failed.into_error(&resolver.expected)),
    }
}

async fn from_known_places(resolver: &SourceResolver<'_>) -> Result<SourceArchive, SourceError> {
    let mut failed = FailedAttempts::default();
    if let PlaceOutcome::Found(source) = python_org::fetch_from_python_org(resolver, &mut failed).await? {
        return Ok(source);
    }
    if let PlaceOutcome::Found(source) = debian_pool::fetch_from_pool(resolver, &mut failed).await? {
        return Ok(source);
    }
    Err(failed.into_error(&resolver.expected))
}

fn summary(source: &SourceArchive, names: FileNames) -> String {
    let trust = match names {
        FileNames::Pinned => "sha256 pinned",
        FileNames::Guessed => "sha256 as given",
    };
    format!("{}  {}  {}  {trust}", source.file_name, source.origin, size(source.bytes))
}
