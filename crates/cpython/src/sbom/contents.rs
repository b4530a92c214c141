//! Facts about an installed tree that go into its software bill of materials.

use super::document::SpdxPackage;
use crate::version::Version;
use vmbuild_archive::Sha256;
use vmbuild_protocol::Package;

/// Input of a software bill of materials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SbomContents {
    /// CPython version.
    pub version: Version,
    /// Name of the image it was built in, such as `debian-12`.
    pub image: String,
    /// SHA-256 of the plan.
    pub plan_sha256: Sha256,
    /// Origin of the source.
    pub source: SbomSource,
    /// Other projects whose code is bundled in the source, according to the source itself.
    pub bundled: Vec<SpdxPackage>,
    /// Wheels from the source that were installed.
    pub wheels: Vec<Wheel>,
    /// System libraries that it links, sorted by soname.
    pub libraries: Vec<SystemLibrary>,
}

/// A source archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SbomSource {
    /// SHA-256 of the archive.
    pub sha256: Sha256,
    /// The publisher's file with the same bytes, if known.
    pub published: Option<PublishedArchive>,
}

/// A publisher's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedArchive {
    /// File name of the archive.
    pub file: String,
    /// URL of the archive.
    pub url: String,
}

/// A wheel in CPython's source, as installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// Project that the wheel installs.
    pub project: BundledProject,
    /// SHA-256 of the wheel.
    pub sha256: Sha256,
    /// License according to its metadata.
    pub license: Option<String>,
    /// Other projects whose code it contains.
    pub vendored: Vec<BundledProject>,
}

/// A Python project contained in another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundledProject {
    /// Name of the project.
    pub name: String,
    /// Version of the project.
    pub version: String,
}

/// A system library of the build machine that files of the tree link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemLibrary {
    /// Name that the files link, such as `libffi.so.8`.
    pub soname: String,
    /// Package that provides it, if any.
    pub package: Option<Package>,
    /// The files that link it, relative to the prefix, sorted.
    pub needed_by: Vec<String>,
}

impl Wheel {
    /// Parses the file name of a wheel, `pip-25.1.1-py3-none-any.whl`. Source: the binary distribution format, PEP 427.
    pub fn from_file_name(file: &str, sha256: Sha256) -> Option<Self> {
        let mut parts = file.strip_suffix(".whl")?.split('-').map(str::to_owned);
        let (name, version) = (parts.next()?, parts.next()?);
        Some(Self { project: BundledProject { name, version }, sha256, license: None, vendored: Vec::new() })
    }
}

impl BundledProject {
    /// Parses a line of a requirements file, `name==version`.
    pub fn from_requirement(line: &str) -> Option<Self> {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (name, version) = line.split_once("==")?;
        Some(Self { name: name.trim().to_owned(), version: version.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::{BundledProject, Wheel};
    use vmbuild_archive::Sha256;

    #[test]
    fn wheel_file_names_are_parsed() {
        let cases = [
            ("pip-25.1.1-py3-none-any.whl", Some(("pip", "25.1.1"))),
            ("setuptools-65.5.0-py3-none-any.whl", Some(("setuptools", "65.5.0"))),
            ("README.txt", None),
            ("pip.whl", None),
        ];
        for (file, expect) in cases {
            let wheel = Wheel::from_file_name(file, Sha256([1; 32])).map(|wheel| wheel.project);
            assert_eq!(wheel.as_ref().map(|what| (what.name.as_str(), what.version.as_str())), expect, "{file}");
        }
    }

    #[test]
    fn requirements_are_parsed() {
        let cases = [
            ("CacheControl==0.14.2", Some(("CacheControl", "0.14.2"))),
            ("    certifi==2025.1.31  # why", Some(("certifi", "2025.1.31"))),
            ("# urllib3==1", None),
            ("", None),
        ];
        for (line, expect) in cases {
            let found = BundledProject::from_requirement(line);
            assert_eq!(found.as_ref().map(|what| (what.name.as_str(), what.version.as_str())), expect, "{line}");
        }
    }
}
