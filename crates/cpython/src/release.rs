//! Which releases there are, and the digests of their source archives.
//!
//! A download proves nothing about itself. What may enter a machine is what `provision/cpython/releases.toml` names:
//! the table is compiled in, so an installed vmbuild carries its pins with it.

use crate::schema::Schema;
use crate::version::Version;
use serde::Deserialize;
use std::sync::LazyLock;
use vmbuild_archive::Sha256;

static TABLE: LazyLock<Releases> = LazyLock::new(|| {
    Releases::parse(include_str!("../../../provision/cpython/releases.toml"))
        .expect("the table is part of this program, and a test parses it")
});

/// The releases this program knows.
pub fn releases() -> &'static Releases {
    &TABLE
}

/// A table of releases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// The form of this file.
    pub schema: Schema,
    release: Vec<Release>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which.
    pub version: Version,
    archive: Vec<ReleaseArchive>,
}

/// One source archive of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseArchive {
    /// Its name on python.org, such as `Python-3.13.5.tar.xz`.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Length in bytes, where known.
    pub size: Option<u64>,
    /// Where Debian has the same bytes.
    pub debian: Option<DebianSource>,
}

/// A Debian source package that carries an upstream archive unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebianSource {
    /// Name of the source package, such as `python3.13`.
    pub package: String,
    /// The suite it was seen in, such as `trixie`.
    pub suite: String,
    /// The end of its file name.
    pub kind: OrigKind,
}

/// What Debian calls an upstream archive.
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
    /// The archive's file name in Debian, such as `python3.13_3.13.5.orig.tar.xz`.
    pub fn file(&self, version: &Version) -> String {
        self.kind.file(&self.package, version)
    }
}

impl OrigKind {
    /// What Debian makes of one of python.org's archives, if that is a source archive.
    pub fn of(file: &str) -> Option<Self> {
        let kinds = [(".tar.xz", Self::TarXz), (".tgz", Self::TarGz)];
        kinds.into_iter().find(|(end, _)| file.ends_with(end)).map(|(_, kind)| kind)
    }

    /// The file name of a version's archive in a source package: 3.15.0rc1 is version 3.15.0~rc1 in Debian.
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
    /// Reads a table.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Every release, oldest first.
    pub fn all(&self) -> &[Release] {
        &self.release
    }

    /// The release that a version is made from.
    pub fn find(&self, version: &Version) -> Option<&Release> {
        self.release.iter().find(|release| release.version == version.release())
    }

    /// The newest release with the same minor version, to be built in the same way: `3.13.18` for `3.13.5`. A final
    /// one, unless there is none yet.
    pub fn newest_of_minor(&self, version: &Version) -> Option<Version> {
        let of_minor = || self.release.iter().map(|release| release.version).filter(|v| v.minor() == version.minor());
        let newest = of_minor().filter(|known| !known.is_prerelease()).max().or_else(|| of_minor().max());
        newest.map(|newest| newest.built_as(version))
    }

    /// The newest release of the same minor version, if it is newer than this one.
    pub fn newer_than(&self, version: &Version) -> Option<Version> {
        self.newest_of_minor(version).filter(|newest| newest > version)
    }
}

impl Release {
    /// Its source archives, the preferred one first: `.tar.xz` before `.tgz`.
    pub fn archives(&self) -> &[ReleaseArchive] {
        &self.archive
    }
}

/// Path of a source archive on python.org and its mirrors, without a leading slash.
pub fn python_org_path(version: &Version, file: &str) -> String {
    format!("ftp/python/{}/{file}", version.base())
}

/// Name of the Debian source package of a version's minor release: `python3.13`.
pub fn debian_package(version: &Version) -> String {
    let (major, minor) = version.minor();
    format!("python{major}.{minor}")
}

#[cfg(test)]
mod tests;
