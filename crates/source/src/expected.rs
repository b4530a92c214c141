//! The accepted archives of a version: those pinned for a release, or the one whose digest the user gives.

use crate::SourceError;
use vmbuild_archive::Sha256;
use vmbuild_cpython::{Release, ReleaseArchive, Version, releases};

/// The accepted archives.
#[derive(Debug, Clone)]
pub(super) struct ExpectedArchives {
    pub(super) version: Version,
    pub(super) archives: Vec<ExpectedArchive>,
    pub(super) names: FileNames,
}

/// One accepted archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedArchive {
    /// Its name at python.org.
    pub(super) file: String,
    pub(super) sha256: Sha256,
    /// The Debian suite known to have it.
    pub(super) suite: Option<String>,
}

/// Certainty of the file names that belong to the digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileNames {
    /// The list of releases says so.
    Pinned,
    /// Only a digest was given: the file may have either of python.org's two formats.
    Guessed,
}

impl ExpectedArchives {
    /// The archives with the given digest, if there is one, or those of the list of releases.
    pub(super) fn of(version: &Version, given: Option<Sha256>) -> Result<Self, SourceError> {
        let pinned: Vec<ExpectedArchive> = releases().find(version).map(pinned).unwrap_or_default();
        let Some(sha256) = given else { return Self::listed(version, pinned) };
        let known: Vec<ExpectedArchive> = pinned.into_iter().filter(|wanted| wanted.sha256 == sha256).collect();
        Ok(if known.is_empty() { Self::guessed(version, sha256) } else { Self::pinned(version, known) })
    }

    fn listed(version: &Version, pinned: Vec<ExpectedArchive>) -> Result<Self, SourceError> {
        if pinned.is_empty() {
            let newest = releases().newest_of_minor(version);
            return Err(SourceError::UnknownVersion { version: *version, newest });
        }
        Ok(Self::pinned(version, pinned))
    }

    /// Those of a release.
    pub(super) fn pinned(version: &Version, archives: Vec<ExpectedArchive>) -> Self {
        Self { version: *version, archives, names: FileNames::Pinned }
    }

    /// The one with this digest, under either of its possible names.
    fn guessed(version: &Version, sha256: Sha256) -> Self {
        let release = version.release();
        let named = |format| ExpectedArchive { file: format!("Python-{release}.{format}"), sha256, suite: None };
        let archives = vec![named("tar.xz"), named("tgz")];
        Self { version: *version, archives, names: FileNames::Guessed }
    }

    /// The digests in order of preference.
    pub(super) fn preferred(&self) -> impl Iterator<Item = Sha256> {
        self.archives.iter().map(|wanted| wanted.sha256)
    }

    /// The digests, sorted, each once.
    pub(super) fn digests(&self) -> Vec<Sha256> {
        let mut digests: Vec<Sha256> = self.preferred().collect();
        digests.sort();
        digests.dedup();
        digests
    }

    /// The archive with this digest.
    pub(super) fn with_digest(&self, sha256: Sha256) -> Option<&ExpectedArchive> {
        self.archives.iter().find(|wanted| wanted.sha256 == sha256)
    }

    /// The error for bytes from `place` with another digest.
    pub(super) fn mismatch(&self, place: String, got: Sha256) -> SourceError {
        SourceError::Mismatch { version: self.version, place, expected: self.digests(), got }
    }
}

fn pinned(release: &Release) -> Vec<ExpectedArchive> {
    let wanted = |archive: &ReleaseArchive| ExpectedArchive {
        file: archive.file.clone(),
        sha256: archive.sha256.0.into(),
        suite: archive.debian.as_ref().map(|debian| debian.suite.clone()),
    };
    release.archives().iter().map(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::{ExpectedArchives, FileNames};
    use crate::SourceError;
    use vmbuild_cpython::Version;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn a_listed_version_needs_no_digest() {
        let expected = ExpectedArchives::of(&version("3.13.5"), None).expect("listed");
        assert_eq!(expected.names, FileNames::Pinned);
        assert!(expected.archives.iter().any(|wanted| wanted.file == "Python-3.13.5.tar.xz"));
    }

    #[test]
    fn an_unlisted_one_names_the_newest_known() {
        let Err(SourceError::UnknownVersion { newest, .. }) = ExpectedArchives::of(&version("3.12.99"), None) else {
            panic!("an unlisted version without a digest must be refused");
        };
        assert!(newest.is_some());
    }

    #[test]
    fn a_given_digest_replaces_the_pinned_ones() {
        let other = "ab".repeat(32).parse().expect("a digest");
        let expected = ExpectedArchives::of(&version("3.13.5"), Some(other)).expect("accepted");
        assert_eq!((expected.digests(), expected.names), (vec![other], FileNames::Guessed));
        assert_eq!(expected.archives.len(), 2, "both formats");
    }

    #[test]
    fn a_free_threaded_build_has_the_source_of_the_other() {
        let expected = |text: &str| ExpectedArchives::of(&version(text), None).expect("listed").archives;
        assert_eq!(expected("3.14.10t"), expected("3.14.10"));
        let guessed = ExpectedArchives::of(&version("3.14.99t"), Some("ab".repeat(32).parse().expect("a digest")));
        assert_eq!(guessed.expect("accepted").archives[0].file, "Python-3.14.99.tar.xz");
    }

    #[test]
    fn a_given_digest_that_is_pinned_keeps_its_name() {
        let listed = ExpectedArchives::of(&version("3.13.5"), None).expect("listed");
        let given = listed.archives[0].clone();
        let expected = ExpectedArchives::of(&version("3.13.5"), Some(given.sha256)).expect("pinned");
        assert_eq!((expected.archives, expected.names), (vec![given], FileNames::Pinned));
    }
}
