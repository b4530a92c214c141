//! The store's folder of profiles, by the plan that trained them: `cache/profiles/<plan>.tar.zst`.
//!
//! Artifacts move away, and with them their profiles. The machine that trained remembers its own.

use super::{ProfileData, ProfileDataError};
use std::io;
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_core::store::{Store, sync_folder};

/// Profiles by the plan that trained them.
#[derive(Debug, Clone)]
pub struct ProfileStore {
    root: PathBuf,
}

impl ProfileStore {
    /// The profiles of a store.
    pub fn of(store: &Store) -> Self {
        Self { root: store.cache().join("profiles") }
    }

    /// The profile that this plan's training left last. What is damaged counts for nothing. Blocks.
    pub fn find(&self, training_plan: Sha256) -> Option<ProfileData> {
        let fits = |profile: &ProfileData| profile.about.training_plan_sha256 == training_plan;
        ProfileData::read(&self.file(training_plan)).ok().filter(fits)
    }

    /// The profile with this digest, whatever trained it. Blocks.
    pub fn with_digest(&self, sha256: Sha256) -> Option<ProfileData> {
        let files = fs_err::read_dir(&self.root).ok()?.filter_map(Result::ok);
        let same = |path: &PathBuf| vmbuild_archive::sha256_file(path).is_ok_and(|(_, found)| sha256 == found.into());
        files.map(|entry| entry.path()).find(same).and_then(|path| ProfileData::read(&path).ok())
    }

    /// Keeps a copy of a profile. Blocks.
    pub fn keep(&self, profile: &ProfileData) -> Result<(), ProfileDataError> {
        let to = self.file(profile.about.training_plan_sha256);
        self.copy(&profile.path, &to).map_err(|source| ProfileDataError::Write { path: to, source })
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs_err::create_dir_all(&self.root)?;
        let to = vmbuild_archive::replaceable(to)?;
        let mut copy = tempfile::NamedTempFile::new_in(&self.root)?;
        io::copy(&mut fs_err::File::open(from)?, &mut copy)?;
        copy.as_file().sync_all()?;
        copy.persist(to).map_err(|error| error.error)?;
        sync_folder(&self.root)
    }

    fn file(&self, training_plan: Sha256) -> PathBuf {
        self.root.join(format!("{training_plan}.tar.zst"))
    }
}
