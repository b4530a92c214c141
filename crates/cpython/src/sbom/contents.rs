//! What was found in and around a tree: the facts that a bill of materials is made of.

use super::document::SpdxPackage;
use crate::version::Version;
use vmbuild_archive::Sha256;
use vmbuild_protocol::Package;

/// Everything that a bill of materials says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Which CPython.
    pub version: Version,
    /// The image it was built in, such as `debian-12`.
    pub image: String,
    /// SHA-256 of the plan.
    pub plan_sha256: Sha256,
    /// Where its source is from.
    pub source: BundledOrigin,
    /// What other projects' code the source says that it carries.
    pub bundled: Vec<SpdxPackage>,
    /// What was installed from wheels in the source.
    pub wheels: Vec<Wheel>,
    /// The system's libraries that it links, sorted by soname.
    pub libraries: Vec<SystemLibrary>,
}

/// A source archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledOrigin {
    /// SHA-256 of the archive.
    pub sha256: Sha256,
    /// Its name and where its publisher has it, if these are known bytes.
    pub published: Option<(String, String)>,
}

/// A wheel that is a part of CPython's source, as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// What it installs.
    pub what: Bundled,
    /// SHA-256 of the wheel.
    pub sha256: Sha256,
    /// Its licence as its metadata says.
    pub licence: Option<String>,
    /// Other projects' code in it.
    pub vendored: Vec<Bundled>,
}

/// A Python project in another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bundled {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A library of the build machine that files of the tree link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemLibrary {
    /// The name that the files have in them, such as `libffi.so.8`.
    pub soname: String,
    /// The package that has it, if one has.
    pub package: Option<Package>,
    /// The files that link it, relative to the prefix, sorted.
    pub needed_by: Vec<String>,
}

impl Wheel {
    /// A wheel by its file name, `pip-25.1.1-py3-none-any.whl`. Source: the binary distribution format, PEP 427.
    pub fn named(file: &str, sha256: Sha256) -> Option<Self> {
        let mut parts = file.strip_suffix(".whl")?.split('-').map(str::to_owned);
        let (name, version) = (parts.next()?, parts.next()?);
        Some(Self { what: Bundled { name, version }, sha256, licence: None, vendored: Vec::new() })
    }
}

impl Bundled {
    /// A line of a requirements file, `name==version`.
    pub fn required(line: &str) -> Option<Self> {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (name, version) = line.split_once("==")?;
        Some(Self { name: name.trim().to_owned(), version: version.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bundled, Wheel};
    use vmbuild_archive::Sha256;

    #[test]
    fn wheels_are_known_by_their_names() {
        let cases = [
            ("pip-25.1.1-py3-none-any.whl", Some(("pip", "25.1.1"))),
            ("setuptools-65.5.0-py3-none-any.whl", Some(("setuptools", "65.5.0"))),
            ("README.txt", None),
            ("pip.whl", None),
        ];
        for (file, expect) in cases {
            let wheel = Wheel::named(file, Sha256([1; 32])).map(|wheel| wheel.what);
            assert_eq!(wheel.as_ref().map(|what| (what.name.as_str(), what.version.as_str())), expect, "{file}");
        }
    }

    #[test]
    fn requirements_are_read() {
        let cases = [
            ("CacheControl==0.14.2", Some(("CacheControl", "0.14.2"))),
            ("    certifi==2025.1.31  # why", Some(("certifi", "2025.1.31"))),
            ("# urllib3==1", None),
            ("", None),
        ];
        for (line, expect) in cases {
            let found = Bundled::required(line);
            assert_eq!(found.as_ref().map(|what| (what.name.as_str(), what.version.as_str())), expect, "{line}");
        }
    }
}
