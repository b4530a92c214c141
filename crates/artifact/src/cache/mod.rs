//! Validated builds by plan, so that the same plan is not compiled twice.
//!
//! The problem: compiling takes minutes to hours, and a plan says everything that determines the result. But a cache
//! that is believed blindly turns one bad disk block into a published artifact. So an entry holds the tarball and its
//! digest, the copy taken out is hashed before anybody uses it, and it is validated again in a clean machine.
//!
//! ```text
//! <store>/cache/builds/<plan>/artifact.tgz
//! <store>/cache/builds/<plan>/debug.tar.zst its debug info
//! <store>/cache/builds/<plan>/logs/         what each step said
//! <store>/cache/builds/<plan>/build.json    appears with it, by rename of the whole folder
//! ```

mod logs;

use crate::DebugInfo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use vmbuild_archive::Sha256;
use vmbuild_core::store::{Store, sync_folder, write_atomically};
use vmbuild_cpython::{BuildInfo, BuildMeasurements, Schema};

/// How many builds are kept; those not used for the longest time go first. Each is 30 to 150 MB.
const MOST: usize = 24;
const TARBALL: &str = "artifact.tgz";
const DEBUG: &str = "debug.tar.zst";
const LOGS: &str = "logs";
const FACTS: &str = "build.json";

/// Builds by plan.
#[derive(Debug, Clone)]
pub struct BuildCache {
    root: PathBuf,
}

/// Where a build's files are, or are to be.
#[derive(Debug, Clone)]
pub struct BuildOutputs {
    /// The tarball.
    pub tarball: PathBuf,
    /// The debug info that was split off it, if there is any.
    pub debug_info: PathBuf,
    /// The folder of logs. Those of steps end in `.log`.
    pub logs: PathBuf,
}

/// Description of a kept build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptBuild {
    /// The form of this data.
    pub schema: Schema,
    /// SHA-256 of the tarball.
    pub sha256: Sha256,
    /// Length of the tarball.
    pub bytes: u64,
    /// The debug info that was split off it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_info: Option<DebugInfo>,
    /// The tarball's own `.build-info`.
    pub info: BuildInfo,
    /// Measurements taken while it was compiled.
    pub measured: BuildMeasurements,
    /// The steps' logs: file name and SHA-256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logs: BTreeMap<String, Sha256>,
}

impl BuildOutputs {
    /// The logs that the steps have left: file name and SHA-256.
    pub fn step_logs(&self) -> io::Result<BTreeMap<String, Sha256>> {
        logs::in_folder(&self.logs)
    }
}

/// Cached build of a plan, if any.
#[derive(Debug, Clone, PartialEq)]
pub enum CachedBuild {
    /// Nothing.
    Nothing,
    /// Something that is not what was put in; it has been removed.
    Damaged,
    /// This; the tarball is where it was asked for, and has this digest.
    Taken(Box<KeptBuild>),
}

impl BuildCache {
    /// The cache of a store.
    pub fn of(store: &Store) -> Self {
        Self { root: store.cache().join("builds") }
    }

    /// Copies the tarball of a plan with its debug info and its logs, and verifies the copies. Blocks.
    pub fn take(&self, plan: Sha256, outputs: &BuildOutputs) -> io::Result<CachedBuild> {
        let BuildOutputs { tarball: to, debug_info: debug, logs } = outputs;
        let folder = self.folder(plan);
        let Some(text) = unless_missing(fs_err::read(folder.join(FACTS)))? else {
            tracing::debug!(%plan, "the build cache does not have this plan");
            return Ok(CachedBuild::Nothing);
        };
        if unless_missing(fs_err::copy(folder.join(TARBALL), to))?.is_none() {
            return remove_damaged(&folder);
        }
        let (bytes, sha256) = vmbuild_archive::sha256_file(to)?;
        let kept = serde_json::from_slice(&text).ok();
        let sound = |kept: &KeptBuild| {
            kept.sha256 == Sha256::from(sha256) && kept.bytes == bytes && kept.info.plan_sha256 == plan
        };
        let kept = kept.filter(sound);
        let beside = |kept: &KeptBuild| {
            Ok::<_, io::Error>(take_debug_info(&folder, kept, debug)? && logs::take(&folder.join(LOGS), kept, logs)?)
        };
        let whole = kept.as_ref().map(beside).transpose()?;
        let Some(kept) = kept.filter(|_| whole == Some(true)) else {
            fs_err::remove_file(to)?;
            return remove_damaged(&folder);
        };
        // Says when it was last used. That it could not be said only makes it go sooner.
        let _ = fs_err::File::open(folder.join(FACTS)).and_then(|file| file.file().set_modified(SystemTime::now()));
        tracing::info!(%plan, "the build cache has this plan");
        Ok(CachedBuild::Taken(Box::new(kept)))
    }

    /// Keeps a tarball that passed its checks with its debug info and its logs, and says the digest of what it takes the
    /// place of. Blocks.
    pub fn keep(&self, outputs: &BuildOutputs, kept: &KeptBuild) -> io::Result<Option<Sha256>> {
        let BuildOutputs { tarball, debug_info: debug, logs } = outputs;
        fs_err::create_dir_all(&self.root)?;
        let folder = self.folder(kept.info.plan_sha256);
        let before = unless_missing(fs_err::read(folder.join(FACTS)))?;
        let before = before.and_then(|text| serde_json::from_slice::<KeptBuild>(&text).ok()).map(|kept| kept.sha256);
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&self.root)?;
        fs_err::copy(tarball, new.path().join(TARBALL))?;
        fs_err::File::open(new.path().join(TARBALL))?.sync_all()?;
        if kept.debug_info.is_some() {
            fs_err::copy(debug, new.path().join(DEBUG))?;
            fs_err::File::open(new.path().join(DEBUG))?.sync_all()?;
        }
        logs::put(logs, kept, &new.path().join(LOGS))?;
        write_atomically(&new.path().join(FACTS), &serde_json::to_vec(kept).map_err(io::Error::other)?)?;
        unless_missing(fs_err::remove_dir_all(&folder))?;
        match fs_err::rename(new.path(), &folder) {
            // Somebody else kept the same plan a moment ago: theirs is as good.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            renamed => renamed?,
        }
        sync_folder(&self.root)?;
        self.prune(MOST)?;
        Ok(before)
    }

    /// Removes all but the `most` last used.
    fn prune(&self, most: usize) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs_err::read_dir(&self.root)? {
            let folder = entry?.path();
            let used = fs_err::metadata(folder.join(FACTS)).and_then(|facts| facts.modified());
            // One that is just being made or removed has no facts: it is not ours to remove.
            entries.extend(used.ok().map(|used| (used, folder)));
        }
        entries.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        for (_, folder) in entries.iter().skip(most) {
            unless_missing(fs_err::remove_dir_all(folder))?;
        }
        Ok(())
    }

    fn folder(&self, plan: Sha256) -> PathBuf {
        self.root.join(plan.to_string())
    }
}

/// Copies the debug info, if a build has any; says whether it is what was kept.
fn take_debug_info(folder: &Path, kept: &KeptBuild, to: &Path) -> io::Result<bool> {
    let Some(expected) = kept.debug_info else { return Ok(true) };
    let copied = unless_missing(fs_err::copy(folder.join(DEBUG), to))?;
    let same = copied.is_some() && DebugInfo::of(to)? == expected;
    if copied.is_some() && !same {
        fs_err::remove_file(to)?;
    }
    Ok(same)
}

fn remove_damaged(folder: &Path) -> io::Result<CachedBuild> {
    unless_missing(fs_err::remove_dir_all(folder))?;
    Ok(CachedBuild::Damaged)
}

/// A file that another vmbuild removed meanwhile counts as missing.
fn unless_missing<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

#[cfg(test)]
pub(super) mod tests;
