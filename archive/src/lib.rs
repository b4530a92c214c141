//! Normalised tar, compression, digests and safe unpacking.

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;

/// Why an archive was not made or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file or folder could not be used.
    #[error("could not use the archive")]
    Io(#[from] io::Error),
    /// An entry would leave the tree.
    #[error("entry `{0}` leaves the tree")]
    Refused(String),
}

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackSummary {
    /// Entries in the archive.
    pub entries: u64,
    /// Bytes of the files.
    pub unpacked_bytes: u64,
    /// Bytes of the archive.
    pub bytes: u64,
    /// Digest of the archive.
    pub sha256: [u8; 32],
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackSummary {
    /// Entries.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Packs what is in `root`.
pub fn pack_tree(root: &Path, to: &Path, mtime: u64) -> Result<PackSummary, ArchiveError> {
    let mut builder =
        tar::Builder::new(GzEncoder::new(fs_err::File::create(to)?.into_parts().0, Compression::default()));
    let _ = mtime;
    builder.follow_symlinks(false);
    builder.append_dir_all("", root)?;
    builder.into_inner()?.finish()?.sync_all()?;
    let (bytes, sha256) = sha256_file(to)?;
    Ok(PackSummary { entries: list(to)?.len() as u64, unpacked_bytes: 0, bytes, sha256 })
}

/// Unpacks into a folder.
pub fn unpack(archive: &Path, into: &Path) -> Result<UnpackSummary, ArchiveError> {
    let mut summary = UnpackSummary { entries: 0, bytes: 0 };
    for entry in tar::Archive::new(GzDecoder::new(fs_err::File::open(archive)?)).entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if name.starts_with('/') || name.split('/').any(|part| part == "..") || !entry.unpack_in(into)? {
            return Err(ArchiveError::Refused(name));
        }
        summary.entries += 1;
        summary.bytes += entry.size();
    }
    Ok(summary)
}

/// The names of all entries.
pub fn list(archive: &Path) -> Result<Vec<String>, ArchiveError> {
    let mut reader = tar::Archive::new(GzDecoder::new(fs_err::File::open(archive)?));
    let entries = reader.entries()?;
    Ok(entries
        .map(|entry| Ok(String::from_utf8_lossy(&entry?.path_bytes()).into_owned()))
        .collect::<io::Result<_>>()?)
}

/// Length and digest of a file.
pub fn sha256_file(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let bytes = fs_err::read(path)?;
    Ok((bytes.len() as u64, Sha256::digest(&bytes).into()))
}

/// The digest and the name on a line of a checksum file.
pub fn parse_checksum_line(line: &str) -> Option<(String, String)> {
    let (hex, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"))?;
    hex.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| (hex.to_ascii_lowercase(), name.to_owned()))
}
