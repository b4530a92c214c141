//! Stand-in for helper B's list of releases.

use crate::Version;
use std::sync::LazyLock;

/// One archive of a release.
#[derive(Debug)]
pub struct Archive {
    /// File name at python.org.
    pub file: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Length in bytes.
    pub size: Option<u64>,
    /// The Debian suite that has it.
    pub debian: Option<String>,
}

/// One release.
#[derive(Debug)]
pub struct Release {
    version: Version,
    archives: Vec<Archive>,
}

impl Release {
    /// Its archives.
    pub fn archives(&self) -> &[Archive] {
        &self.archives
    }
}

/// The known releases.
#[derive(Debug)]
pub struct Releases(Vec<Release>);

impl Releases {
    /// The release of `version`.
    pub fn find(&self, version: &Version) -> Option<&Release> {
        self.0.iter().find(|release| release.version == *version)
    }

    /// The newest known release of the same minor version.
    pub fn newest_of_minor(&self, version: &Version) -> Option<&Version> {
        self.0.iter().map(|release| &release.version).filter(|known| known.minor() == version.minor()).max()
    }
}

/// The known releases.
pub fn releases() -> &'static Releases {
    static RELEASES: LazyLock<Releases> = LazyLock::new(|| {
        let one = |version: &str, file: &str, sha256: &str, size, suite: Option<&str>| Release {
            version: version.parse().expect("a version written here"),
            archives: vec![Archive { file: file.into(), sha256: sha256.into(), size, debian: suite.map(Into::into) }],
        };
        Releases(vec![
            one(
                "3.13.5",
                "Python-3.13.5.tar.xz",
                "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640",
                Some(22_856_016),
                Some("trixie"),
            ),
            one("3.12.14", "Python-3.12.14.tar.xz", &"0".repeat(64), None, None),
        ])
    });
    &RELEASES
}

/// Where python.org keeps a file of a release.
pub fn python_org_path(version: &Version, file: &str) -> String {
    format!("ftp/python/{}/{file}", version.base())
}
