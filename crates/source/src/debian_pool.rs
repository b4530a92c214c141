//! Sources from the pool of a Debian archive, which has python.org's releases as `orig` archives.

use crate::SourceError;
use crate::debian_index::SourcesIndex;
use crate::expected::ExpectedArchive;
use crate::pool_file::PoolFile;
use crate::request::SourceOrigin;
use crate::resolver::{FailedAttempts, PlaceOutcome, SourceResolver};
use crate::settings::{DebianArchive, below};
use vmbuild_cpython::{OrigKind, Version};
use vmbuild_fetch::download::FetchError;

/// Suites to search for source packages, newest stable first.
const SUITES: [&str; 3] = ["trixie", "bookworm", "sid"];

/// Fetches the first file of the suites that has an expected digest; then tries the pool's usual path.
pub(super) async fn fetch_from_pool(
    resolver: &SourceResolver<'_>,
    failed: &mut FailedAttempts,
) -> Result<PlaceOutcome, SourceError> {
    let archive = match address(resolver).await? {
        Ok(archive) => archive,
        Err(reason) => {
            failed.add("Debian archive", &reason);
            return Ok(PlaceOutcome::NotHere);
        }
    };
    for suite in suites(&resolver.expected.archives) {
        match from_suite(resolver, &archive, suite, failed).await? {
            PlaceOutcome::NotHere => {}
            settled => return Ok(settled),
        }
    }
    try_usual_path(resolver, &archive, failed).await
}

/// Tries the path that Debian gives to a release. A pool keeps files for a while after its suites have moved on: no
/// index lists them any more, but the digest identifies them.
async fn try_usual_path(
    resolver: &SourceResolver<'_>,
    archive: &str,
    failed: &mut FailedAttempts,
) -> Result<PlaceOutcome, SourceError> {
    for wanted in &resolver.expected.archives {
        let Some(path) = pool_path(&resolver.expected.version, &wanted.file) else { continue };
        let url = below(archive, &path);
        if failed.has(&url) {
            continue;
        }
        match resolver.download(&url, wanted.sha256, SourceOrigin::DebianPool, failed).await? {
            PlaceOutcome::NotHere => {}
            settled => return Ok(settled),
        }
    }
    Ok(PlaceOutcome::NotHere)
}

/// The path in Debian's pool of python.org's `file`, whether or not it still exists.
fn pool_path(version: &Version, file: &str) -> Option<String> {
    let (major, minor) = version.minor();
    let package = format!("python{major}.{minor}");
    Some(format!("pool/main/p/{package}/{}", OrigKind::of(file)?.file(&package, version)))
}

/// The pool's address of an expected archive, if it has one.
pub(super) async fn locate(resolver: &SourceResolver<'_>) -> Result<Option<String>, SourceError> {
    let Ok(archive) = address(resolver).await? else { return Ok(None) };
    for suite in suites(&resolver.expected.archives) {
        if let Ok(Some(file)) = search(resolver, &SourcesIndex::of(resolver.store, &archive, suite)).await? {
            return Ok(Some(below(&archive, &file.path)));
        }
    }
    Ok(None)
}

async fn from_suite(
    resolver: &SourceResolver<'_>,
    archive: &str,
    suite: &str,
    failed: &mut FailedAttempts,
) -> Result<PlaceOutcome, SourceError> {
    let index = SourcesIndex::of(resolver.store, archive, suite);
    match search(resolver, &index).await? {
        Ok(Some(file)) => {
            let url = below(archive, &file.path);
            let step = resolver.download(&url, file.sha256, SourceOrigin::DebianPool, failed).await?;
            if !matches!(step, PlaceOutcome::Found(_)) {
                // The pool changes and the index may be a day old: the next run fetches a new one.
                index.forget();
            }
            Ok(step)
        }
        Ok(None) => {
            failed.add(index.url(), &"does not list it");
            Ok(PlaceOutcome::NotHere)
        }
        Err(error) => {
            failed.add(index.url(), &error);
            Ok(if error.is_host_unreachable() { PlaceOutcome::HostDown } else { PlaceOutcome::NotHere })
        }
    }
}

async fn address(resolver: &SourceResolver<'_>) -> Result<Result<String, String>, SourceError> {
    let address = match &resolver.settings.debian_archive {
        DebianArchive::At(address) => Ok(address.clone()),
        DebianArchive::FromApt => {
            vmbuild_packages::debian_archive(resolver.cancel).await.map_err(|error| error.to_string())
        }
    };
    if resolver.cancel.is_cancelled() { Err(resolver.cancelled()) } else { Ok(address) }
}

/// The suites known to have it, then the others.
fn suites(archives: &[ExpectedArchive]) -> Vec<&str> {
    let mut suites: Vec<&str> = archives.iter().filter_map(|wanted| wanted.suite.as_deref()).collect();
    suites.extend(SUITES);
    let mut seen = std::collections::HashSet::new();
    suites.retain(|suite| seen.insert(*suite));
    suites
}

/// Looks into one suite. The outer error ends the whole search, the inner one this suite's.
async fn search(
    resolver: &SourceResolver<'_>,
    index: &SourcesIndex,
) -> Result<Result<Option<PoolFile>, FetchError>, SourceError> {
    if let Err(error) = index.refresh(&resolver.settings.retry, resolver.events, resolver.cancel).await {
        return resolver.place_error(error).map(Err);
    }
    let (index, digests) = (index.clone(), resolver.expected.digests());
    let found = vmbuild_core::blocking(move || index.find(&digests)).await;
    Ok(found.map_err(|error| FetchError::Permanent(format!("unreadable: {error}"))))
}

#[cfg(test)]
mod tests {
    use super::{pool_path, suites};
    use crate::expected::ExpectedArchive;

    fn check(known: &[&str], expect: &[&str]) {
        let wanted = |suite: &&str| ExpectedArchive {
            file: "Python-3.13.5.tgz".to_owned(),
            sha256: [0; 32].into(),
            suite: Some(*suite).filter(|suite| !suite.is_empty()).map(str::to_owned),
        };
        assert_eq!(suites(&known.iter().map(wanted).collect::<Vec<_>>()), expect);
    }

    #[test]
    fn known_suites_come_first_and_once() {
        check(&[], &["trixie", "bookworm", "sid"]);
        check(&["", "bookworm"], &["bookworm", "trixie", "sid"]);
        check(&["trixie", "trixie"], &["trixie", "bookworm", "sid"]);
        check(&["forky"], &["forky", "trixie", "bookworm", "sid"]);
    }

    #[test]
    fn a_release_has_a_usual_path() {
        let check = |version: &str, file, expect| {
            assert_eq!(pool_path(&version.parse().expect("a version"), file).as_deref(), expect);
        };
        check("3.14.7", "Python-3.14.7.tar.xz", Some("pool/main/p/python3.14/python3.14_3.14.7.orig.tar.xz"));
        check("3.14.7t", "Python-3.14.7.tgz", Some("pool/main/p/python3.14/python3.14_3.14.7.orig.tar.gz"));
        check("3.15.0rc1", "x.tar.xz", Some("pool/main/p/python3.15/python3.15_3.15.0~rc1.orig.tar.xz"));
        check("3.15.0", "x.zip", None);
    }
}
