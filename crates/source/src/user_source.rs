//! Sources that the user names: a file or a URL.

use crate::SourceError;
use crate::expected::{ExpectedArchive, ExpectedArchives, FileNames};
use crate::request::{SourceArchive, SourceOrigin};
use crate::resolver::{FailedAttempts, PlaceOutcome, SourceResolver};
use crate::settings::LONGEST;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use vmbuild_archive::Sha256;

/// Copies the file into the store and verifies the copy, so that the verified bytes are used even if the user's file
/// changes meanwhile.
pub(super) async fn copy_file(resolver: &SourceResolver<'_>, path: &Path) -> Result<SourceArchive, SourceError> {
    let (from, to) = (path.to_owned(), resolver.cache.root().to_owned());
    let copied = vmbuild_core::blocking(move || SourceCopy::create(&from, &to)).await?;
    let place = copied.origin.display().to_string();
    let Some(wanted) = resolver.expected.with_digest(copied.sha256) else {
        return Err(resolver.expected.mismatch(place, copied.sha256));
    };
    let file_name = name(&resolver.expected, wanted, &copied.origin);
    let locks = resolver.cache.lock(&[copied.sha256], resolver.events, resolver.cancel).await?;
    let _locks = locks.ok_or_else(|| resolver.cancelled())?;
    let path = resolver.cache.adopt(copied.file.path(), copied.sha256, &file_name)?;
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
    fn create(origin: &Path, folder: &Path) -> Result<Self, SourceError> {
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
        FileNames::Pinned => wanted.file.clone(),
        FileNames::Guessed => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// Downloads from the URL; a partial download is stored under the archive of the same name.
pub(super) async fn download(
    resolver: &SourceResolver<'_>,
    url: &str,
    failed: &mut FailedAttempts,
) -> Result<PlaceOutcome, SourceError> {
    let archives = &resolver.expected.archives;
    let same_name = archives.iter().find(|wanted| PathBuf::from(url).ends_with(&wanted.file));
    let Some(nearest) = same_name.or(archives.first()) else { return Ok(PlaceOutcome::NotHere) };
    resolver.download(url, nearest.sha256, SourceOrigin::Url, failed).await
}
