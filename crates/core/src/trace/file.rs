//! One file of the trace.

use crate::store::entries;
use fs_err as fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many commands' traces the cache keeps.
const KEPT: usize = 20;
/// A machine's trace that has grown to this many bytes is put aside, and the one that was put aside before is deleted.
const LIMIT: u64 = 1 << 20;
/// How many bytes wait for a machine's folder.
const PENDING: usize = 1 << 16;

/// A file that is opened as soon as its folder exists. Errors are ignored: a trace must not fail what it traces.
#[derive(Debug)]
pub(super) struct TraceFile {
    path: PathBuf,
    /// The cache, where the file is a command's own.
    cache: Option<PathBuf>,
    pending: String,
    file: Option<fs::File>,
}

impl TraceFile {
    /// A machine's trace.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, cache: None, pending: String::new(), file: None }
    }

    /// A command's trace. Names sort by time.
    pub(super) fn new_in_cache(cache: &Path, header: &str) -> Self {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S").to_string();
        let path = cache.join("trace").join(format!("{now}-{}.log", std::process::id()));
        Self { cache: Some(cache.to_owned()), pending: format!("{header}\n"), ..Self::at(path) }
    }

    /// Appends a line.
    pub(super) fn write(&mut self, line: &str) {
        if self.pending.len() < PENDING {
            self.pending.push_str(line);
        }
        if self.file.is_none() {
            self.file = self.open().ok();
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(self.pending.as_bytes());
            self.pending.clear();
        }
    }

    fn open(&self) -> io::Result<fs::File> {
        if let Some(cache) = &self.cache {
            make_room(&cache.join("trace"))?;
        } else if fs::metadata(&self.path).is_ok_and(|about| about.len() > LIMIT) {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        fs::OpenOptions::new().create(true).append(true).open(&self.path)
    }
}

/// Makes the folder, but not its parent, and deletes the oldest files in it.
fn make_room(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        fs::create_dir(folder)?;
    }
    let mut files: Vec<PathBuf> = entries(folder)?.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    for old in files.iter().take(files.len().saturating_sub(KEPT - 1)) {
        // Another command may have been quicker.
        let _ = fs::remove_file(old);
    }
    Ok(())
}
