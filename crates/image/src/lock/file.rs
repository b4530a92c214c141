//! A lock file: TOML, one package a line, sorted, so that two of them compare well.

use super::apt::debian_architecture;
use crate::description::SchemaOne;
use crate::{ImageError, Role};
use serde::Deserialize;
use std::fmt::Write as _;
use vmbuild_archive::Sha256;
use vmbuild_protocol::Offered;

/// What one image resolved to on one architecture.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageLock {
    #[serde(rename = "schema")]
    pub(super) schema: SchemaOne,
    /// The image's name.
    pub image: String,
    /// The processor, as `uname -m` prints it.
    pub architecture: String,
    /// The archive's suite; of a cloud image, the publisher's release.
    pub suite: String,
    /// The `Date` of the archive's signed index, as it stands there (RFC 2822).
    pub release: String,
    /// The archive's state that was asked for, such as `20260705T000000Z`.
    pub snapshot: Option<String>,
    /// The kernel package: downloaded, never installed. None where the image brings its own.
    pub kernel: Vec<LockedPackage>,
    /// What the clean machine has, sorted by name; of a cloud image, what it has besides the publisher's own.
    pub clean: Vec<LockedPackage>,
    /// What the build machine has besides, sorted by name.
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
    /// Its architecture, in the package manager's words: `amd64`, `all`.
    pub arch: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, as the archive's signed index says.
    pub sha256: Sha256,
    /// Its place in the archive, relative to the archive's address.
    pub file: String,
}

impl LockedPackage {
    /// What an archive offers, if it can be used on this host's processor.
    pub(crate) fn offered(offered: Offered) -> Result<Self, ImageError> {
        let not_understood = || ImageError::Index { paragraph: format!("Package: {}", offered.name) };
        // A path from outside: it becomes part of an address, and its end a file name.
        let plain = !offered.file.starts_with('/') && !offered.file.split('/').any(|part| matches!(part, "" | ".."));
        // Debian's words, then rpm's.
        let here = ["all", debian_architecture(), "noarch", std::env::consts::ARCH];
        let known = here.contains(&offered.arch.as_str());
        let sha256 = offered.sha256.parse().ok().filter(|_| plain && known).ok_or_else(not_understood)?;
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

impl PackageLock {
    /// Reads a lock file's text; `file` names it in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, ImageError> {
        toml::from_str(text).map_err(|source| ImageError::Description { file: file.to_owned(), source })
    }

    /// The lock file's text. Equal locks have equal texts.
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

    /// What a machine of this role has.
    pub fn of(&self, role: Role) -> Vec<&LockedPackage> {
        match role {
            Role::Clean => self.clean.iter().collect(),
            Role::Build => self.clean.iter().chain(&self.build).collect(),
        }
    }

    /// Every package, each once.
    pub fn all(&self) -> impl Iterator<Item = &LockedPackage> {
        self.kernel.iter().chain(&self.clean).chain(&self.build)
    }

    /// What a role has, as `name=version`: for a guest whose own package manager installs it.
    pub fn wishes(&self, role: Role) -> Vec<String> {
        self.of(role).into_iter().map(|package| format!("{}={}", package.name, package.version)).collect()
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
