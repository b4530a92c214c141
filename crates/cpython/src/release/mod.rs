//! Known releases, and the digests of their source archives.
//!
//! A download cannot vouch for itself. Only sources listed in `provision/cpython/releases.toml` may enter a machine:
//! the table is compiled in, so an installed vmbuild includes its pins.

use crate::schema::Schema;
use crate::version::Version;
use serde::Deserialize;
use std::sync::LazyLock;
use vmbuild_archive::Sha256;

static TABLE: LazyLock<Releases> = LazyLock::new(|| {
    Releases::parse(include_str!("../../../../provision/cpython/releases.toml"))
        .expect("the table is part of this program, and a test parses it")
});

/// Returns the compiled-in table of releases.
pub fn releases() -> &'static Releases {
    &TABLE
}

/// A table of releases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// Schema version of this file.
    pub schema: Schema,
    release: Vec<Release>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// CPython version.
    pub version: Version,
    archive: Vec<ReleaseArchive>,
}

/// One source archive of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseArchive {
    /// File name on python.org, such as `Python-3.13.5.tar.xz`.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Size in bytes, if known.
    pub size: Option<u64>,
    /// Debian source package with the same bytes, if any.
    pub debian: Option<DebianSource>,
}

/// A Debian source package that contains an upstream archive unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebianSource {
    /// Name of the source package, such as `python3.13`.
    pub package: String,
    /// Suite that contains it, such as `trixie`.
    pub suite: String,
    /// Kind of the archive, which is the end of its file name.
    pub kind: OrigKind,
}

/// Debian's kinds of upstream archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OrigKind {
    /// xz-compressed.
    #[serde(rename = "orig.tar.xz")]
    TarXz,
    /// gzip-compressed.
    #[serde(rename = "orig.tar.gz")]
    TarGz,
}

impl DebianSource {
    /// Returns the archive's file name in Debian, such as `python3.13_3.13.5.orig.tar.xz`.
    pub fn file(&self, version: &Version) -> String {
        self.kind.file(&self.package, version)
    }
}

impl OrigKind {
    /// Returns Debian's kind for a file on python.org, if that is a source archive.
    pub fn of(file: &str) -> Option<Self> {
        let kinds = [(".tar.xz", Self::TarXz), (".tgz", Self::TarGz)];
        kinds.into_iter().find(|(end, _)| file.ends_with(end)).map(|(_, kind)| kind)
    }

    /// Returns the file name of a version's archive in a source package: 3.15.0rc1 is version 3.15.0~rc1 in Debian.
    pub fn file(self, package: &str, version: &Version) -> String {
        let end = match self {
            Self::TarXz => "orig.tar.xz",
            Self::TarGz => "orig.tar.gz",
        };
        let release = version.release().to_string();
        let (number, stage) = release.split_at(release.find(char::is_alphabetic).unwrap_or(release.len()));
        let tilde = if stage.is_empty() { "" } else { "~" };
        format!("{package}_{number}{tilde}{stage}.{end}")
    }
}

impl Releases {
    /// Parses a table.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// All releases, oldest first.
    pub fn all(&self) -> &[Release] {
        &self.release
    }

    /// Returns the release that a version is built from.
    pub fn find(&self, version: &Version) -> Option<&Release> {
        self.release.iter().find(|release| release.version == version.release())
    }

    /// Returns the newest release with the same minor version, in the same flavours: `3.13.18` for `3.13.5`. A final
    /// release, unless only prereleases exist.
    pub fn newest_of_minor(&self, version: &Version) -> Option<Version> {
        let of_minor = || self.release.iter().map(|release| release.version).filter(|v| v.minor() == version.minor());
        let newest = of_minor().filter(|known| !known.is_prerelease()).max().or_else(|| of_minor().max());
        newest.map(|newest| newest.with_flavours_of(version))
    }

    /// Returns the newest release of the same minor version if it is newer than `version`.
    pub fn newer_than(&self, version: &Version) -> Option<Version> {
        self.newest_of_minor(version).filter(|newest| newest > version)
    }
}

impl Release {
    /// Source archives in order of preference: `.tar.xz` before `.tgz`.
    pub fn archives(&self) -> &[ReleaseArchive] {
        &self.archive
    }
}

/// Returns the path of a source archive on python.org and its mirrors, without a leading slash.
pub fn python_org_path(version: &Version, file: &str) -> String {
    format!("ftp/python/{}/{file}", version.base())
}

/// Returns the name of the Debian source package for a version: `python3.13`.
pub fn debian_package(version: &Version) -> String {
    let (major, minor) = version.minor();
    format!("python{major}.{minor}")
}

#[cfg(test)]
mod tests;
