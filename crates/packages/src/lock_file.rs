//! Lock files: TOML, one package a line, sorted, so that `diff` shows what changed.

use crate::apt_client::debian_architecture;
use crate::{PackagesError, SchemaOne};
use serde::Deserialize;
use std::fmt::Write as _;
use vmbuild_archive::Sha256;
use vmbuild_protocol::Offered;

/// The packages that one image resolved to on one architecture.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageLock {
    #[serde(rename = "schema")]
    schema: SchemaOne,
    /// The image's name.
    pub image: String,
    /// The processor, as `uname -m` prints it.
    pub architecture: String,
    /// The archive's suite; of a cloud image, the publisher's release.
    pub suite: String,
    /// The `Date` of the archive's signed index, verbatim (RFC 2822).
    pub release: String,
    /// The requested state of the archive, such as `20260705T000000Z`.
    pub snapshot: Option<String>,
    /// The kernel package: downloaded, never installed. Empty where the image brings its own.
    pub kernel: Vec<LockedPackage>,
    /// The clean machine's packages, sorted by name; of a cloud image, those added to the publisher's own.
    pub clean: Vec<LockedPackage>,
    /// The packages that the build machine adds, sorted by name.
    pub build: Vec<LockedPackage>,
}

/// One package, to the byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, as the package manager names it: `amd64`, `all`.
    pub arch: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, as the archive's signed index says.
    pub sha256: Sha256,
    /// Its place in the archive, relative to the archive's address.
    pub file: String,
}

impl LockedPackage {
    /// A package that an archive offers, if it fits this host's processor.
    pub fn from_offered(offered: Offered) -> Result<Self, PackagesError> {
        let malformed = || PackagesError::Index { paragraph: format!("Package: {}", offered.name) };
        // An untrusted path: it becomes part of an address, and its end a file name.
        let plain = !offered.file.starts_with('/') && !offered.file.split('/').any(|part| matches!(part, "" | ".."));
        // Debian's names, then rpm's.
        let here = ["all", debian_architecture(), "noarch", std::env::consts::ARCH];
        let known = here.contains(&offered.arch.as_str());
        let sha256 = offered.sha256.parse().ok().filter(|_| plain && known).ok_or_else(malformed)?;
        let Offered { name, version, arch, size, file, .. } = offered;
        Ok(Self { name, version, arch, size, sha256, file })
    }

    /// The file's own name.
    pub fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file)
    }
}

const HEADER: &str = "\
# Which packages this image was made of when somebody last looked. `vmbuild image build --update-lock` writes it;
# `--locked` takes nothing else. One package a line, sorted.
";

/// Where a lock's packages come from.
#[derive(Debug, Clone)]
pub struct LockOrigin {
    /// The image's name.
    pub image: String,
    /// The archive's suite; of a cloud image, the publisher's release.
    pub suite: String,
    /// The `Date` of the archive's signed index, verbatim.
    pub release: String,
    /// The requested state of the archive.
    pub snapshot: Option<String>,
}

impl PackageLock {
    /// A lock for this host's architecture, without a package yet.
    pub fn empty(origin: LockOrigin) -> Self {
        let LockOrigin { image, suite, release, snapshot } = origin;
        let architecture = std::env::consts::ARCH.to_owned();
        let (kernel, clean, build) = (Vec::new(), Vec::new(), Vec::new());
        Self { schema: SchemaOne, image, architecture, suite, release, snapshot, kernel, clean, build }
    }

    /// Parses a lock file; `file` names it in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackagesError> {
        toml::from_str(text).map_err(|source| PackagesError::Malformed { file: file.to_owned(), source })
    }

    /// Formats the lock file. Equal locks have equal texts.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}schema = 1\n");
        let mut say = |key: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key} = {}", quoted(value));
        };
        say("image", &self.image);
        say("architecture", &self.architecture);
        say("suite", &self.suite);
        say("release", &self.release);
        if let Some(snapshot) = &self.snapshot {
            say("snapshot", snapshot);
        }
        for (key, packages) in [("kernel", &self.kernel), ("clean", &self.clean), ("build", &self.build)] {
            text.push_str(&list(key, packages));
        }
        text
    }

    /// The packages of a build machine: the clean machine's, and those it adds.
    pub fn build_machine(&self) -> impl Iterator<Item = &LockedPackage> {
        self.clean.iter().chain(&self.build)
    }

    /// Every package, each once.
    pub fn all(&self) -> impl Iterator<Item = &LockedPackage> {
        self.kernel.iter().chain(&self.clean).chain(&self.build)
    }
}

fn list(key: &str, packages: &[LockedPackage]) -> String {
    let mut sorted: Vec<&LockedPackage> = packages.iter().collect();
    sorted.sort();
    let line = |package: &LockedPackage| {
        format!(
            "    {{ name = {}, version = {}, arch = {}, size = {}, sha256 = \"{}\", file = {} }},\n",
            quoted(&package.name),
            quoted(&package.version),
            quoted(&package.arch),
            package.size,
            package.sha256,
            quoted(&package.file),
        )
    };
    format!("\n{key} = [\n{}]\n", sorted.into_iter().map(line).collect::<Vec<_>>().concat())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
