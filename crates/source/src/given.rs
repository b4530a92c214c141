//! A source where the user says it is.

use crate::SourceError;
use crate::expected::{ExpectedArchive, ExpectedArchives, Names};
use crate::request::{SourceArchive, SourceOrigin};
use crate::resolver::{Attempts, PlaceOutcome, SourceResolver};
use crate::settings::LONGEST;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use vmbuild_archive::Sha256;

/// Copies the file into the store and verifies the copy: what was verified is what is used, whatever becomes of the
/// user's file meanwhile.
pub(super) async fn take(quest: &SourceResolver<'_>, path: &Path) -> Result<SourceArchive, SourceError> {
    let (from, to) = (path.to_owned(), quest.cache.root().to_owned());
    let copied = quest.blocking(move || SourceCopy::make(&from, &to)).await??;
    let place = copied.origin.display().to_string();
    let Some(wanted) = quest.expected.with_digest(copied.sha256) else {
        return Err(quest.expected.mismatch(place, copied.sha256));
    };
    let file_name = name(&quest.expected, wanted, &copied.origin);
    let locks = quest.cache.lock(&[copied.sha256], quest.events, quest.cancel).await?;
    let _locks = locks.ok_or_else(|| quest.cancelled())?;
    let path = quest.cache.adopt(copied.file.path(), copied.sha256, &file_name)?;
    let SourceCopy { bytes, sha256, .. } = copied;
    Ok(SourceArchive { path, file_name, bytes, sha256, origin: SourceOrigin::File, location: place })
}

/// A synced copy in the store; removed when dropped, unless it has been moved away.
#[derive(Debug)]
struct SourceCopy {
    origin: PathBuf,
    file: NamedTempFile,
    bytes: u64,
    sha256: Sha256,
}

impl SourceCopy {
    fn make(origin: &Path, folder: &Path) -> Result<Self, SourceError> {
        let mut from = open(origin).map_err(|source| SourceError::File { path: origin.to_owned(), source })?;
        let mut file = tempfile::Builder::new().prefix(".given-").tempfile_in(folder)?;
        io::copy(&mut from, &mut file)?;
        file.as_file().sync_all()?;
        let (bytes, sha256) = vmbuild_archive::sha256_file(file.path())?;
        Ok(Self { origin: std::path::absolute(origin)?, file, bytes, sha256: sha256.into() })
    }
}

fn open(path: &Path) -> io::Result<impl Read> {
    let file = fs_err::File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if about.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than any source archive"));
    }
    Ok(file.take(LONGEST))
}

fn name(expected: &ExpectedArchives, wanted: &ExpectedArchive, path: &Path) -> String {
    match expected.names {
        Names::Pinned => wanted.file.clone(),
        Names::Guessed => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// Downloads from the URL; a part of an earlier try is looked for under the archive of the same name.
pub(super) async fn download(
    quest: &SourceResolver<'_>,
    url: &str,
    trail: &mut Attempts,
) -> Result<PlaceOutcome, SourceError> {
    let archives = &quest.expected.archives;
    let same_name = archives.iter().find(|wanted| PathBuf::from(url).ends_with(&wanted.file));
    let Some(nearest) = same_name.or(archives.first()) else { return Ok(PlaceOutcome::NotHere) };
    quest.download(url, nearest.sha256, SourceOrigin::Url, trail).await
}
