//! A publisher's cloud image, as an image's TOML describes it.
//!
//! Addresses and names are templates: `{release}` is the pinned release, `{arch}` the processor as `uname -m` prints
//! it.

use super::FileDigest;
use crate::FirmwareUse;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A publisher's dated image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudImage {
    /// The pinned release, as the publisher writes it: `20260705`.
    pub release: String,
    /// The form of the disk.
    pub format: DiskFormat,
    /// The address of the folder that holds the release.
    pub folder: String,
    /// The name, in that folder, of the list of checksums.
    pub sums: String,
    /// How that list is signed.
    pub signature: SumsSignature,
    /// How the first boot starts the disk's kernel.
    #[serde(default)]
    pub boot: FirmwareUse,
    /// The state of the distribution's archives to install packages from, where old states are kept:
    /// `{release}T235959Z`.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// The publisher's list of releases.
    pub newest: ReleaseListing,
    /// The images, by architecture as `uname -m` prints it.
    pub file: BTreeMap<String, CloudFile>,
}

/// The form of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFormat {
    /// QEMU's own.
    Qcow2,
}

/// How a list of checksums is signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SumsSignature {
    /// By a file next to it.
    Detached {
        /// That file's name.
        file: String,
        /// The keyring: a name in `images/keyrings/`, or an absolute path.
        keyring: String,
    },
    /// The list carries its signature within itself.
    Cleartext {
        /// The keyring: a name in `images/keyrings/`, or an absolute path.
        keyring: String,
    },
    /// Not signed: the pinned digest alone counts.
    None {
        /// Why.
        reason: String,
    },
}

/// A publisher's list of releases: a page with links.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseListing {
    /// The page's address.
    pub folder: String,
    /// The pattern of a link to a release.
    pub entry: String,
}

/// One architecture's image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudFile {
    /// Its name, in the folder and in the list of checksums.
    pub name: String,
    /// Its digest.
    pub digest: FileDigest,
}

impl CloudImage {
    /// The archives' state of the pinned release.
    pub(crate) fn snapshot(&self) -> Option<String> {
        self.snapshot.as_deref().map(|template| fill(template, &self.release, ""))
    }

    /// The address of the list of checksums of `release`.
    pub(super) fn sums_url(&self, release: &str, arch: &str) -> String {
        self.in_folder(&self.sums, release, arch)
    }

    /// The address of a file next to it.
    pub(super) fn in_folder(&self, name: &str, release: &str, arch: &str) -> String {
        fill(&format!("{}/{name}", self.folder.trim_end_matches('/')), release, arch)
    }

    /// The address of the page that lists releases.
    pub(super) fn listing_url(&self, arch: &str) -> String {
        format!("{}/", fill(self.newest.folder.trim_end_matches('/'), "", arch))
    }
}

impl CloudFile {
    /// Its name in `release`.
    pub(super) fn name_in(&self, release: &str, arch: &str) -> String {
        fill(&self.name, release, arch)
    }
}

fn fill(template: &str, release: &str, arch: &str) -> String {
    template.replace("{release}", release).replace("{arch}", arch)
}
