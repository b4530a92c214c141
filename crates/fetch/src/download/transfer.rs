//! The blocking half of a download: one request, its bytes hashed while they are written.

use crate::download::RetryPolicy;
use crate::download::http::{begins_at, classify, get, validators};
use crate::download::request::{Answer, Download, DownloadProgress, FetchError, PartialContent, Received};
use crate::download::resume::VersionFile;
use fs_err::{File, OpenOptions};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use ureq::{Agent, Body};
use vmbuild_core::store::sync_folder;

const PIECE: usize = 64 << 10;

/// What a download leaves free on its disk, in bytes: a full disk breaks more than the download.
const RESERVE: u64 = 256 << 20;

/// Everything one try needs.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) job: &'a Download,
    pub(crate) patience: &'a RetryPolicy,
    pub(crate) progress: &'a DownloadProgress,
    /// Ends it between two pieces; the agent's shutdown ends a wait for one.
    pub(crate) stop: &'a CancellationToken,
}

impl Transfer<'_> {
    /// Makes one try. The temporary file stays, so that the next try can go on behind it.
    pub(crate) fn run(&self) -> Result<Answer, FetchError> {
        let outcome = self.exchange();
        if !matches!(outcome, Ok(Answer::Received(_))) {
            remove_if_empty(&self.job.partial);
        }
        if self.stop.is_cancelled() { Err(FetchError::Cancelled) } else { outcome }
    }

    fn exchange(&self) -> Result<Answer, FetchError> {
        let mut sink = Sink::open(self.job)?;
        let version = VersionFile::of(&self.job.partial);
        let response = get(self.agent, &self.job.url, sink.bytes, &version.read(), &self.job.known)
            .map_err(|error| classify(error, self.patience))?;
        let (head, body) = response.into_parts();
        let resumed = match head.status.as_u16() {
            200 => {
                sink.restart()?;
                version.write(&validators(&head.headers))?;
                false
            }
            206 if begins_at(&head.headers, sink.bytes) => true,
            304 => return Ok(Answer::NotModified),
            206 | 416 => {
                // What we have is not the beginning of what the server has.
                sink.restart()?;
                return Err(FetchError::Status(416));
            }
            code => return Err(FetchError::Status(code)),
        };
        self.copy(body, &mut sink)?;
        let bytes = sink.bytes;
        let sha256 = sink.finish(self.job)?;
        version.remove();
        Ok(Answer::Received(Received { bytes, sha256, resumed, validators: validators(&head.headers) }))
    }

    fn copy(&self, body: Body, sink: &mut Sink) -> Result<(), FetchError> {
        let total = body.content_length().map(|rest| sink.bytes + rest);
        self.admit(total, sink.bytes)?;
        let (mut reader, mut piece) = (body.into_reader(), vec![0; PIECE]);
        while !self.stop.is_cancelled() {
            let count = reader.read(&mut piece).map_err(|error| classify(error.into(), self.patience))?;
            if count == 0 {
                return complete(sink.bytes, total);
            }
            sink.take(&piece[..count])?;
            self.progress.set(sink.bytes, total);
            if sink.bytes > self.job.longest {
                return Err(FetchError::TooLong(self.job.longest));
            }
        }
        Err(FetchError::Cancelled)
    }

    /// Refuses what is too long, and what would fill the disk, before any of it is written.
    fn admit(&self, total: Option<u64>, have: u64) -> Result<(), FetchError> {
        let Some(total) = total else { return Ok(()) };
        if total > self.job.longest {
            return Err(FetchError::TooLong(self.job.longest));
        }
        let (missing, free) = (total.saturating_sub(have), free_beside(&self.job.partial)?);
        if missing + RESERVE > free { Err(FetchError::NoSpace { missing, free }) } else { Ok(()) }
    }
}

/// Bytes that may still be written on the disk of this file.
fn free_beside(file: &Path) -> io::Result<u64> {
    let about = rustix::fs::statvfs(file.parent().unwrap_or(file))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Nothing is not worth going on behind.
fn remove_if_empty(path: &Path) {
    if fs_err::metadata(path).is_ok_and(|about| about.len() == 0) {
        // If it cannot be removed, the next try opens it again.
        let _ = fs_err::remove_file(path);
    }
}

fn complete(bytes: u64, total: Option<u64>) -> Result<(), FetchError> {
    match total {
        Some(total) if total != bytes => Err(FetchError::Broken(format!("{bytes} of {total} bytes came"))),
        _ => Ok(()),
    }
}

/// The temporary file and the hash over what it holds.
#[derive(Debug)]
struct Sink {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Sink {
    /// Opens the job's temporary file, behind what it holds already if that is to be kept.
    fn open(job: &Download) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&job.partial)?;
        let mut sink = Self { file, hash: Sha256::new(), bytes: 0 };
        match job.start {
            PartialContent::Fresh => sink.restart()?,
            PartialContent::Resume => sink.bytes = hash_rest(&mut sink.file, &mut sink.hash)?,
        }
        Ok(sink)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hash = Sha256::new();
        self.bytes = 0;
        Ok(())
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn finish(self, job: &Download) -> io::Result<vmbuild_archive::Sha256> {
        self.file.sync_all()?;
        if let Some(folder) = job.partial.parent() {
            sync_folder(folder)?;
        }
        Ok(<[u8; 32]>::from(self.hash.finalize()).into())
    }
}

/// Hashes what a file holds from here to its end, and says how much that is.
fn hash_rest(file: &mut impl Read, hash: &mut Sha256) -> io::Result<u64> {
    let (mut piece, mut bytes) = (vec![0; PIECE], 0);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(bytes);
        }
        hash.update(&piece[..count]);
        bytes += count as u64;
    }
}
