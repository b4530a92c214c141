//! SHA-256 of a stream of bytes.

use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::Path;

/// Passes bytes on to a writer and hashes those that the writer took.
pub struct HashWriter<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> HashWriter<W> {
    /// Starts with nothing written.
    pub fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// The writer, the number of bytes it took and their SHA-256.
    pub fn finish(self) -> (W, u64, [u8; 32]) {
        (self.inner, self.bytes, self.hash.finalize().into())
    }
}

impl<W: Write> Write for HashWriter<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(from)?;
        self.hash.update(&from[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Passes bytes on from a reader and hashes them.
pub struct HashReader<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R> HashReader<R> {
    /// Starts with nothing read.
    pub fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// The number of bytes read and their SHA-256.
    pub fn finish(self) -> (u64, [u8; 32]) {
        (self.bytes, self.hash.finalize().into())
    }
}

impl<R: Read> Read for HashReader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(to)?;
        self.hash.update(&to[..got]);
        self.bytes += got as u64;
        Ok(got)
    }
}

/// Length in bytes and SHA-256 of a file.
pub fn sha256_file(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut reader = HashReader::new(fs_err::File::open(path)?);
    let mut buffer = vec![0; 1 << 17];
    while reader.read(&mut buffer)? > 0 {}
    Ok(reader.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_written_a_read_and_a_stored_text_have_one_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        let mut writer = HashWriter::new(fs_err::File::create(&path).unwrap());
        writer.write_all(b"abc").unwrap();
        let (_, written, digest) = writer.finish();
        assert_eq!((written, hex::encode(digest).as_str()), (3, ABC));
        assert_eq!(sha256_file(&path).unwrap(), (3, digest));
    }

    #[test]
    fn only_what_the_writer_took_counts() {
        let mut room = [0u8; 2];
        let mut writer = HashWriter::new(&mut room[..]);
        assert_eq!(writer.write(b"abc").unwrap(), 2);
        assert_eq!(writer.finish().1, 2);
    }
}
