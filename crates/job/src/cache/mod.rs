//! Outputs of jobs that passed, by the digest of their description.
//!
//! The problem: a description says everything that determines the outputs, so they need not be made twice. But a cache
//! that is believed blindly turns one bad disk block into a published file. So every copy that is taken out is hashed.
//!
//! ```text
//! <store>/cache/jobs/<digest>/outputs/<name>
//! <store>/cache/jobs/<digest>/logs/<file>
//! <store>/cache/jobs/<digest>/result.json    appears with them, by rename of the whole folder
//! ```

use crate::result::{JobFile, JobOrigin, JobResult, RESULT};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use vmbuild_archive::Sha256;
use vmbuild_core::store::{Store, sync_folder};

/// Number of jobs that are kept; the least recently used go first.
const MOST: usize = 24;

/// The cache of jobs in a store.
#[derive(Debug, Clone)]
pub struct JobCache {
    root: PathBuf,
}

/// A cache's answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TakenJob {
    /// There is no such job.
    Missing,
    /// There was one, but not as it was kept; it has been removed.
    Damaged,
    /// This one; its outputs and logs are in their places.
    Sound(Box<JobResult>),
}

impl JobCache {
    /// The cache of a store.
    pub fn of(store: &Store) -> Self {
        Self { root: store.cache().join("jobs") }
    }

    /// Copies outputs and logs of a job into `folder` and verifies the copies. Blocks.
    pub(crate) fn take(&self, key: Sha256, folder: &Path) -> io::Result<TakenJob> {
        let entry = self.root.join(key.to_string());
        let Some(text) = unless_missing(fs_err::read(entry.join(RESULT)))? else { return Ok(TakenJob::Missing) };
        let result = serde_json::from_slice::<JobResult>(&text).ok().filter(|result| result.spec_sha256 == key);
        let Some(result) = result.filter(|result| copy(&entry, folder, result).is_ok_and(|sound| sound)) else {
            for place in ["outputs", "logs"] {
                vmbuild_core::store::empty_folder(&folder.join(place))?;
            }
            unless_missing(fs_err::remove_dir_all(&entry))?;
            return Ok(TakenJob::Damaged);
        };
        // The time of the last use. Without it the entry only goes sooner.
        let _ = fs_err::File::open(entry.join(RESULT)).and_then(|file| file.file().set_modified(SystemTime::now()));
        Ok(TakenJob::Sound(Box::new(JobResult { origin: JobOrigin::Cache, ..result })))
    }

    /// Keeps the outputs and logs of a job that passed. Blocks.
    pub(crate) fn keep(&self, folder: &Path, result: &JobResult) -> io::Result<()> {
        fs_err::create_dir_all(&self.root)?;
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&self.root)?;
        for place in ["outputs", "logs"] {
            fs_err::create_dir(new.path().join(place))?;
        }
        for file in files(result) {
            fs_err::copy(folder.join(&file.path), new.path().join(&file.path))?;
            fs_err::File::open(new.path().join(&file.path))?.sync_all()?;
        }
        result.write(new.path())?;
        let entry = self.root.join(result.spec_sha256.to_string());
        unless_missing(fs_err::remove_dir_all(&entry))?;
        match fs_err::rename(new.path(), &entry) {
            // Another process kept the same job a moment ago: its outputs are as good.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            renamed => renamed?,
        }
        sync_folder(&self.root)?;
        self.prune(MOST)
    }

    /// Removes all but the `most` recently used.
    fn prune(&self, most: usize) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs_err::read_dir(&self.root)? {
            let entry = entry?.path();
            let used = fs_err::metadata(entry.join(RESULT)).and_then(|result| result.modified());
            // An entry without a result is just being made or removed.
            entries.extend(used.ok().map(|used| (used, entry)));
        }
        entries.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        for (_, entry) in entries.iter().skip(most) {
            unless_missing(fs_err::remove_dir_all(entry))?;
        }
        Ok(())
    }
}

/// A file of an entry, by its path in it.
struct EntryFile {
    path: PathBuf,
    sha256: Sha256,
}

fn files(result: &JobResult) -> Vec<EntryFile> {
    let outputs = result.outputs.iter().map(|(name, file)| (Path::new("outputs").join(name.as_str()), file.sha256));
    let logs = result.logs.iter().map(|(name, sha256)| (Path::new("logs").join(name), *sha256));
    outputs.chain(logs).map(|(path, sha256)| EntryFile { path, sha256 }).collect()
}

/// Copies an entry's files; says whether each is as it was kept.
fn copy(entry: &Path, folder: &Path, result: &JobResult) -> io::Result<bool> {
    for EntryFile { path, sha256 } in files(result) {
        fs_err::copy(entry.join(&path), folder.join(&path))?;
        if JobFile::of(&folder.join(&path))?.sha256 != sha256 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file that another process removed meanwhile was never there.
fn unless_missing<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

#[cfg(test)]
mod tests;
