//! The blocking half of a download: one request, its bytes hashed while they are written.

use crate::download::RetryPolicy;
use crate::download::http::{begins_at, classify, get, validators};
use crate::download::request::{Download, DownloadAnswer, DownloadProgress, FetchError, PartialContent, ReceivedFile};
use crate::download::resume::VersionFile;
use fs_err::{File, OpenOptions};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use ureq::{Agent, Body};
use vmbuild_core::store::sync_folder;

const PIECE: usize = 64 << 10;

/// Space that a download leaves free on its disk, in bytes: a full disk breaks more than the download.
const RESERVE: u64 = 256 << 20;

/// One attempt of a download.
#[derive(Debug)]
pub(crate) struct HttpTransfer<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) download: &'a Download,
    pub(crate) retry: &'a RetryPolicy,
    pub(crate) progress: &'a DownloadProgress,
    /// Stops it between two pieces; the agent's shutdown interrupts the wait for one.
    pub(crate) stop: &'a CancellationToken,
}

impl HttpTransfer<'_> {
    /// Makes one attempt. The temporary file stays, so that the next attempt can resume it.
    pub(crate) fn run(&self) -> Result<DownloadAnswer, FetchError> {
        let outcome = self.exchange();
        if !matches!(outcome, Ok(DownloadAnswer::Received(_))) {
            remove_if_empty(&self.download.partial);
        }
        if self.stop.is_cancelled() { Err(FetchError::Cancelled) } else { outcome }
    }

    fn exchange(&self) -> Result<DownloadAnswer, FetchError> {
        let mut partial = PartialFile::open(self.download)?;
        let version = VersionFile::of(&self.download.partial);
        let response = get(self.agent, &self.download.url, partial.bytes, &version.read(), &self.download.known)
            .map_err(|error| classify(error, self.retry))?;
        let (head, body) = response.into_parts();
        let resumed = match head.status.as_u16() {
            200 => {
                partial.restart()?;
                version.write(&validators(&head.headers))?;
                false
            }
            206 if begins_at(&head.headers, partial.bytes) => true,
            304 => return Ok(DownloadAnswer::NotModified),
            206 | 416 => {
                // The temporary file is not the beginning of the server's file.
                partial.restart()?;
                return Err(FetchError::Status(416));
            }
            code => return Err(FetchError::Status(code)),
        };
        self.copy(body, &mut partial)?;
        let bytes = partial.bytes;
        let sha256 = partial.finish(self.download)?;
        version.remove();
        Ok(DownloadAnswer::Received(ReceivedFile { bytes, sha256, resumed, validators: validators(&head.headers) }))
    }

    fn copy(&self, body: Body, partial: &mut PartialFile) -> Result<(), FetchError> {
        let total = body.content_length().map(|rest| partial.bytes + rest);
        self.admit(total, partial.bytes)?;
        let (mut reader, mut piece) = (body.into_reader(), vec![0; PIECE]);
        while !self.stop.is_cancelled() {
            let count = reader.read(&mut piece).map_err(|error| classify(error.into(), self.retry))?;
            if count == 0 {
                return complete(partial.bytes, total);
            }
            partial.take(&piece[..count])?;
            self.progress.set(partial.bytes, total);
            if partial.bytes > self.download.longest {
                return Err(FetchError::TooLong(self.download.longest));
            }
        }
        Err(FetchError::Cancelled)
    }

    /// Rejects files that are too large or would fill the disk, before anything is written.
    fn admit(&self, total: Option<u64>, have: u64) -> Result<(), FetchError> {
        let Some(total) = total else { return Ok(()) };
        if total > self.download.longest {
            return Err(FetchError::TooLong(self.download.longest));
        }
        let (missing, free) = (total.saturating_sub(have), free_space(&self.download.partial)?);
        if missing + RESERVE > free { Err(FetchError::NoSpace { missing, free }) } else { Ok(()) }
    }
}

/// Free bytes on the disk of this file.
fn free_space(file: &Path) -> io::Result<u64> {
    let about = rustix::fs::statvfs(file.parent().unwrap_or(file))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Removes the file if it is empty, and thus not worth resuming.
fn remove_if_empty(path: &Path) {
    if fs_err::metadata(path).is_ok_and(|about| about.len() == 0) {
        // If it cannot be removed, the next try opens it again.
        let _ = fs_err::remove_file(path);
    }
}

fn complete(bytes: u64, total: Option<u64>) -> Result<(), FetchError> {
    match total {
        Some(total) if total != bytes => Err(FetchError::Broken(format!("received {bytes} of {total} bytes"))),
        _ => Ok(()),
    }
}

/// The temporary file and the hash over its contents.
#[derive(Debug)]
struct PartialFile {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl PartialFile {
    /// Opens the download's temporary file, after its contents if they are kept.
    fn open(download: &Download) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&download.partial)?;
        let mut partial = Self { file, hash: Sha256::new(), bytes: 0 };
        match download.start {
            PartialContent::Fresh => partial.restart()?,
            PartialContent::Resume => partial.bytes = hash_rest(&mut partial.file, &mut partial.hash)?,
        }
        Ok(partial)
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

    fn finish(self, download: &Download) -> io::Result<vmbuild_archive::Sha256> {
        self.file.sync_all()?;
        if let Some(folder) = download.partial.parent() {
            sync_folder(folder)?;
        }
        Ok(<[u8; 32]>::from(self.hash.finalize()).into())
    }
}

/// Hashes a file from here to its end and returns the number of bytes.
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
