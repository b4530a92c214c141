//! Names in an archive, without unpacking it.

use crate::error::{ArchiveError, io};
use flate2::read::MultiGzDecoder;
use std::io::{BufReader, Read};
use std::path::Path;

/// The decompressed bytes of an archive. Reads every gzip member, as `tar` does: nothing hides behind the first.
pub(crate) fn open(archive: &Path) -> Result<tar::Archive<impl Read>, ArchiveError> {
    let file = fs_err::File::open(archive).map_err(io("open", archive))?;
    Ok(tar::Archive::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, file))))
}

/// Reads the rest after the last entry, so that a cut or damaged archive is noticed by its checksum.
pub(crate) fn drain(archive: tar::Archive<impl Read>) -> std::io::Result<u64> {
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())
}

/// The names of all entries in their order, as in the archive; bytes that are not UTF-8 are replaced.
pub fn list(archive: &Path) -> Result<Vec<String>, ArchiveError> {
    let mut reader = open(archive)?;
    let mut names = Vec::new();
    for entry in reader.entries().map_err(io("read", archive))? {
        let entry = entry.map_err(io("read", archive))?;
        names.push(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
    }
    drain(reader).map_err(io("read", archive))?;
    Ok(names)
}
