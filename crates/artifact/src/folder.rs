//! The folder itself: its names, and who has which.

use crate::attestations::ArtifactPart;
use crate::{ArtifactError, StagingFolder};
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::Lock;
use vmbuild_cpython::layout::{PROVENANCE_SUFFIX, SBOM_SUFFIX};
use vmbuild_cpython::{ArtifactName, BuildNumber, Extent, ImageLabel, Version};

/// Before the name of the tarball that a build under way will become.
const STAGING: &str = ".staging-";

/// A folder of artifacts.
#[derive(Debug, Clone)]
pub struct ArtifactFolder {
    path: PathBuf,
}

/// The name a build asks for.
#[derive(Debug, Clone)]
pub struct NameWish {
    /// The version built.
    pub version: Version,
    /// The image's word, such as `debian12`.
    pub image_label: ImageLabel,
    /// How much of it.
    pub extent: Extent,
    /// The build number; the next free one if the user named none.
    pub number: Option<BuildNumber>,
    /// Policy if there is such an artifact.
    pub existing: ExistingArtifact,
}

/// Policy for an artifact of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingArtifact {
    /// It stays, and the new one is refused.
    Keep,
    /// It is replaced: `--force`.
    Replace,
}

impl ArtifactFolder {
    /// Opens a folder, making it where it is missing. A relative path is below the current directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs_err::create_dir_all(path)?;
        Ok(Self { path: fs_err::canonicalize(path)? })
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the tarball of this name lies.
    pub fn tarball(&self, name: &ArtifactName) -> PathBuf {
        ArtifactPart::Tarball.within(&self.path, name)
    }

    /// Where its checksum lies.
    pub fn checksum(&self, name: &ArtifactName) -> PathBuf {
        ArtifactPart::Checksum.within(&self.path, name)
    }

    /// Where its record lies.
    pub fn record(&self, name: &ArtifactName) -> PathBuf {
        ArtifactPart::Record.within(&self.path, name)
    }

    /// Where the counts that it was optimised by lie.
    pub fn profile_data(&self, name: &ArtifactName) -> PathBuf {
        ArtifactPart::ProfileData.within(&self.path, name)
    }

    /// Where the debug info of its programs and libraries lies.
    pub fn debug_info(&self, name: &ArtifactName) -> PathBuf {
        ArtifactPart::DebugInfo.within(&self.path, name)
    }

    /// Counts published with builds of this version and image, those of the newest build first.
    pub fn published_profile_data(&self, version: &Version, image_label: &ImageLabel) -> io::Result<Vec<PathBuf>> {
        let ours = |name: &ArtifactName| name.version == *version && name.image_label == *image_label;
        let mut names: Vec<ArtifactName> = self.names()?.into_iter().filter(ours).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.build));
        names.dedup();
        Ok(names.iter().map(|name| self.profile_data(name)).filter(|path| path.is_file()).collect())
    }

    /// Where the logs of a published build lie.
    pub fn logs(&self, name: &ArtifactName) -> PathBuf {
        self.path.join("logs").join(stem(name))
    }

    /// Where what is left of a failed build lies.
    pub fn failed(&self, name: &ArtifactName, job: &str) -> PathBuf {
        self.path.join("failed").join(format!("{}-{job}", stem(name)))
    }

    /// The number after the highest of this version and image, published or under way; 1 for the first.
    pub fn next_build_number(&self, version: &Version, image_label: &ImageLabel) -> io::Result<BuildNumber> {
        let ours = |name: &ArtifactName| name.version == *version && name.image_label == *image_label;
        let highest = self.names()?.into_iter().filter(ours).map(|name| name.build).max();
        Ok(highest.map_or(BuildNumber::FIRST, BuildNumber::next))
    }

    /// Every name that a tarball, something beside one, or a build under way has.
    fn names(&self) -> io::Result<Vec<ArtifactName>> {
        let mut names = Vec::new();
        for entry in fs_err::read_dir(&self.path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let ends = [".sha256", ".build.json", SBOM_SUFFIX, PROVENANCE_SUFFIX].map(|end| name.strip_suffix(end));
            let of_an_artifact = ends.into_iter().chain([name.strip_prefix(STAGING)]);
            let name = of_an_artifact.flatten().next().unwrap_or(&name);
            names.extend(name.parse::<ArtifactName>());
        }
        Ok(names)
    }

    /// Takes a name for a build that begins now, so that a wrong wish is refused before an hour of work rather than
    /// after it. What killed builds left is removed on the way.
    pub async fn begin(&self, wish: &NameWish, cancel: &CancellationToken) -> Result<StagingFolder, ArtifactError> {
        let _folder = self.lock(cancel).await?;
        self.sweep()?;
        let free = self.next_build_number(&wish.version, &wish.image_label)?;
        let build = wish.number.unwrap_or(free);
        let image_label = wish.image_label.clone();
        let name = ArtifactName { version: wish.version, image_label, extent: wish.extent, build };
        let staging = self.path.join(format!("{STAGING}{name}"));
        if staging.exists() {
            return Err(ArtifactError::Busy { name, free });
        }
        if wish.existing == ExistingArtifact::Keep && self.tarball(&name).exists() {
            return Err(ArtifactError::Exists { name, free });
        }
        StagingFolder::make(self.clone(), name, staging, wish.existing)
    }

    /// Holds back everybody else who gives or takes names in this folder.
    pub(super) async fn lock(&self, cancel: &CancellationToken) -> Result<Lock, ArtifactError> {
        Lock::take(&self.path.join(".lock"), cancel).await?.ok_or(ArtifactError::Cancelled)
    }

    /// Removes the staging folders that nobody holds. The caller holds the folder's lock, so none is just being made;
    /// one may be just going.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs_err::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(STAGING) && entry.file_type()?.is_dir() {
                unless_gone(remove_if_abandoned(&entry.path()))?;
            }
        }
        Ok(())
    }
}

fn remove_if_abandoned(staging: &Path) -> io::Result<()> {
    match Lock::try_take(&StagingFolder::lock_of(staging))? {
        Some(_abandoned) => fs_err::remove_dir_all(staging),
        None => Ok(()),
    }
}

/// An artifact's name without `.tgz`.
fn stem(name: &ArtifactName) -> String {
    name.to_string().trim_end_matches(".tgz").to_owned()
}

/// A file that is already gone needs no removal.
pub(super) fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
