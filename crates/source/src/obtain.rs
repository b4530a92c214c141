//! The order in which places are tried.

use crate::expected::{ExpectedArchives, Names};
use crate::request::{FileOrUrl, SourceArchive, SourceRequest};
use crate::resolver::{Attempts, PlaceOutcome, SourceResolver};
use crate::{Settings, SourceError, debian_pool, given, python_org};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;

/// The verified source of a version: from the store, or from the first place that has it.
pub async fn obtain(
    request: &SourceRequest,
    store: &Store,
    settings: &Settings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<SourceArchive, SourceError> {
    let expected = ExpectedArchives::of(&request.version, request.sha256)?;
    obtain_expected(expected, request.given.as_ref(), store, settings, events, cancel).await
}

pub(super) async fn obtain_expected(
    expected: ExpectedArchives,
    given: Option<&FileOrUrl>,
    store: &Store,
    settings: &Settings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<SourceArchive, SourceError> {
    let running = events.phase(Part::Source, "fetch", format!("CPython {}", expected.version));
    let quest = SourceResolver::begin(expected, store, settings, events, running, cancel);
    let source = search(&quest, given).await?;
    let summary = summary(&source, quest.expected.names);
    quest.running.finish(summary);
    Ok(source)
}

async fn search(quest: &SourceResolver<'_>, given: Option<&FileOrUrl>) -> Result<SourceArchive, SourceError> {
    if let Some(FileOrUrl::File(path)) = given {
        // Not after the cache: a wrong file that the user named must not go unnoticed.
        return given::take(quest, path).await;
    }
    let locks = quest.cache.lock(&quest.expected.digests(), quest.events, quest.cancel).await?;
    let _locks = locks.ok_or_else(|| quest.cancelled())?;
    if let Some(source) = quest.cached().await? {
        return Ok(source);
    }
    match given {
        Some(FileOrUrl::Url(url)) => from_url(quest, url).await,
        _ => from_known_places(quest).await,
    }
}

async fn from_url(quest: &SourceResolver<'_>, url: &str) -> Result<SourceArchive, SourceError> {
    let mut trail = Attempts::default();
    match given::download(quest, url, &mut trail).await? {
        PlaceOutcome::Found(source) => Ok(source),
        PlaceOutcome::NotHere | PlaceOutcome::HostDown => Err(trail.into_error(&quest.expected)),
    }
}

async fn from_known_places(quest: &SourceResolver<'_>) -> Result<SourceArchive, SourceError> {
    let mut trail = Attempts::default();
    if let PlaceOutcome::Found(source) = python_org::obtain(quest, &mut trail).await? {
        return Ok(source);
    }
    if let PlaceOutcome::Found(source) = debian_pool::obtain(quest, &mut trail).await? {
        return Ok(source);
    }
    Err(trail.into_error(&quest.expected))
}

fn summary(source: &SourceArchive, names: Names) -> String {
    let trust = match names {
        Names::Pinned => "sha256 pinned",
        Names::Guessed => "sha256 as given",
    };
    let megabytes = source.bytes as f64 / 1e6;
    format!("{}  {}  {megabytes:.1} MB  {trust}", source.file_name, source.origin)
}
