//! Stand-in of helper E until helper B's crate is merged: throw this file away at the merge.

use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::path::Path;

/// Length and SHA-256 of a file.
pub fn sha256_file(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let (mut file, mut hash, mut buffer, mut bytes) = (fs_err::File::open(path)?, Sha256::new(), vec![0; 64 << 10], 0);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((bytes, hash.finalize().into()));
        }
        bytes += count as u64;
        hash.update(&buffer[..count]);
    }
}

/// A line that `sha256sum -c` reads.
pub fn checksum_line(hex: &str, name: &str) -> String {
    format!("{hex}  {name}\n")
}
