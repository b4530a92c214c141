//! Compression of a file, with digests of both sides.

use super::Compression;
use flate2::{Compression as Level, GzBuilder};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use vmbuild_archive::{HashReader, HashWriter};

/// gzip's own default, and as much of Zstandard's: beyond them, seconds buy few bytes.
const GZIP: u32 = 6;
const ZSTD: i32 = 6;

/// Digests of a file before and after compression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompressedFile {
    /// SHA-256 of the input, in hex.
    pub(super) plain: String,
    /// SHA-256 of the output, in hex.
    pub(super) sha256: String,
    /// Its length.
    pub(super) bytes: u64,
}

/// Compresses `from` as `to` and syncs it. The output depends on the input's bytes only: no name, no time.
pub(super) async fn compress(from: PathBuf, to: PathBuf, how: Compression) -> io::Result<CompressedFile> {
    vmbuild_core::blocking(move || compress_file(&from, &to, how)).await
}

fn compress_file(from: &Path, to: &Path, how: Compression) -> io::Result<CompressedFile> {
    let mut from = HashReader::new(fs_err::File::open(from)?);
    let file = fs_err::File::create(to)?;
    let hashed = HashWriter::new(BufWriter::with_capacity(1 << 17, file));
    let hashed = match how {
        Compression::None => {
            let mut plain = hashed;
            io::copy(&mut from, &mut plain)?;
            plain
        }
        Compression::Gzip => {
            let mut gzip = GzBuilder::new().mtime(0).write(hashed, Level::new(GZIP));
            io::copy(&mut from, &mut gzip)?;
            gzip.finish()?
        }
        Compression::Zstd => {
            let mut zstd = zstd::Encoder::new(hashed, ZSTD)?;
            zstd.include_checksum(true)?;
            io::copy(&mut from, &mut zstd)?;
            zstd.finish()?
        }
    };
    let (mut buffer, bytes, sha256) = hashed.finish();
    buffer.flush()?;
    buffer.get_ref().sync_all()?;
    let (_, plain) = from.finish();
    Ok(CompressedFile { plain: hex::encode(plain), sha256: hex::encode(sha256), bytes })
}

#[cfg(test)]
mod tests {
    use super::{Compression, compress};

    #[tokio::test]
    async fn compression_is_reversible_and_reproducible() {
        let folder = tempfile::tempdir().expect("a folder");
        let from = folder.path().join("from");
        let text = "vmbuild ".repeat(40_000).into_bytes();
        fs_err::write(&from, &text).expect("written");
        for how in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let to = folder.path().join(how.as_str());
            let made = compress(from.clone(), to.clone(), how).await.expect("compressed");
            let again = compress(from.clone(), folder.path().join("again"), how).await.expect("compressed");
            assert_eq!(made, again);
            let bytes = fs_err::read(&to).expect("read");
            assert_eq!(bytes.len() as u64, made.bytes);
            let mut plain = Vec::new();
            let read = match how {
                Compression::None => std::io::copy(&mut &bytes[..], &mut plain),
                Compression::Gzip => std::io::copy(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain),
                Compression::Zstd => zstd::stream::copy_decode(&bytes[..], &mut plain).map(|()| 0),
            };
            read.expect("decompressed");
            assert_eq!(plain, text, "{how:?}");
        }
    }
}
