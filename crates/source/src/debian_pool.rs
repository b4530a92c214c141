//! A source from the pool of a Debian archive: what python.org released is there as `orig` archives.

use crate::SourceError;
use crate::debian_index::Index;
use crate::expected::ExpectedArchive;
use crate::request::SourceOrigin;
use crate::resolver::{Attempts, PlaceOutcome, SourceResolver};
use crate::settings::{DebianArchive, below};
use crate::stanza::PoolFile;
use vmbuild_cpython::{OrigKind, Version};
use vmbuild_fetch::download::FetchError;

/// Suites whose source packages are worth a look, newest stable first.
const SUITES: [&str; 3] = ["trixie", "bookworm", "sid"];

/// Looks through the suites and gets the first file that has an expected digest; then where a pool usually has it.
pub(super) async fn obtain(quest: &SourceResolver<'_>, trail: &mut Attempts) -> Result<PlaceOutcome, SourceError> {
    let archive = match address(quest).await? {
        Ok(archive) => archive,
        Err(reason) => {
            trail.add("Debian archive", &reason);
            return Ok(PlaceOutcome::NotHere);
        }
    };
    for suite in suites(&quest.expected.archives) {
        match from_suite(quest, &archive, suite, trail).await? {
            PlaceOutcome::NotHere => {}
            settled => return Ok(settled),
        }
    }
    unlisted(quest, &archive, trail).await
}

/// Asks for the name that Debian gives to a release. A pool keeps what its suites have moved on from for a while: no
/// index vouches for that any more, but the digest does.
async fn unlisted(
    quest: &SourceResolver<'_>,
    archive: &str,
    trail: &mut Attempts,
) -> Result<PlaceOutcome, SourceError> {
    for wanted in &quest.expected.archives {
        let Some(path) = usual_path(&quest.expected.version, &wanted.file) else { continue };
        let url = below(archive, &path);
        if trail.has(&url) {
            continue;
        }
        match quest.download(&url, wanted.sha256, SourceOrigin::DebianPool, trail).await? {
            PlaceOutcome::NotHere => {}
            settled => return Ok(settled),
        }
    }
    Ok(PlaceOutcome::NotHere)
}

/// Where Debian's pool has, or had, what python.org calls `file`.
fn usual_path(version: &Version, file: &str) -> Option<String> {
    let (major, minor) = version.minor();
    let package = format!("python{major}.{minor}");
    Some(format!("pool/main/p/{package}/{}", OrigKind::of(file)?.file(&package, version)))
}

/// Where the pool has one of the expected archives, if it does.
pub(super) async fn locate(quest: &SourceResolver<'_>) -> Result<Option<String>, SourceError> {
    let Ok(archive) = address(quest).await? else { return Ok(None) };
    for suite in suites(&quest.expected.archives) {
        if let Ok(Some(file)) = search(quest, &Index::of(quest.store, &archive, suite)).await? {
            return Ok(Some(below(&archive, &file.path)));
        }
    }
    Ok(None)
}

async fn from_suite(
    quest: &SourceResolver<'_>,
    archive: &str,
    suite: &str,
    trail: &mut Attempts,
) -> Result<PlaceOutcome, SourceError> {
    let index = Index::of(quest.store, archive, suite);
    match search(quest, &index).await? {
        Ok(Some(file)) => {
            let url = below(archive, &file.path);
            let step = quest.download(&url, file.sha256, SourceOrigin::DebianPool, trail).await?;
            if !matches!(step, PlaceOutcome::Found(_)) {
                // The pool moves on and the index may be a day old: the next run shall ask for a new one.
                index.forget();
            }
            Ok(step)
        }
        Ok(None) => {
            trail.add(index.url(), &"does not list it");
            Ok(PlaceOutcome::NotHere)
        }
        Err(error) => {
            trail.add(index.url(), &error);
            Ok(if error.is_about_the_host() { PlaceOutcome::HostDown } else { PlaceOutcome::NotHere })
        }
    }
}

async fn address(quest: &SourceResolver<'_>) -> Result<Result<String, String>, SourceError> {
    let address = match &quest.settings.debian_archive {
        DebianArchive::At(address) => Ok(address.clone()),
        DebianArchive::FromApt => crate::apt::debian_archive(quest.cancel).await,
    };
    if quest.cancel.is_cancelled() { Err(quest.cancelled()) } else { Ok(address) }
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
    quest: &SourceResolver<'_>,
    index: &Index,
) -> Result<Result<Option<PoolFile>, FetchError>, SourceError> {
    if let Err(error) = index.refresh(&quest.settings.patience, quest.events, quest.cancel).await {
        return quest.passing(error).map(Err);
    }
    let (index, digests) = (index.clone(), quest.expected.digests());
    let found = quest.blocking(move || index.find(&digests)).await?;
    Ok(found.map_err(|error| FetchError::Hopeless(format!("unreadable: {error}"))))
}

#[cfg(test)]
mod tests {
    use super::{suites, usual_path};
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
    fn a_release_has_a_usual_place() {
        let check = |version: &str, file, expect| {
            assert_eq!(usual_path(&version.parse().expect("a version"), file).as_deref(), expect);
        };
        check("3.14.7", "Python-3.14.7.tar.xz", Some("pool/main/p/python3.14/python3.14_3.14.7.orig.tar.xz"));
        check("3.14.7t", "Python-3.14.7.tgz", Some("pool/main/p/python3.14/python3.14_3.14.7.orig.tar.gz"));
        check("3.15.0rc1", "x.tar.xz", Some("pool/main/p/python3.15/python3.15_3.15.0~rc1.orig.tar.xz"));
        check("3.15.0", "x.zip", None);
    }
}
