//! Checksums of a golden machine's kernel and disk, recorded when they are made, so that damage is noticed later.
//!
//! ```text
//! kernel/SHA256SUMS   the kernel and its modules, as `sha256sum --check` reads it
//! <role>.ext4.json    the role's disk
//! ```
//!
//! A disk of 12 GiB is mostly holes. Its digest is over the blocks that are not zero, each with its number, so that
//! it takes a second and does not depend on how sparse a copy is.

use super::GoldenError;
use crate::ImageError;
use rustix::fs::SeekFrom;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use vmbuild_core::blocking;
use vmbuild_core::store::write_atomically;

/// Bytes hashed together.
const BLOCK: usize = 4096;

/// The kernel's record, in its folder.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// The recorded checksum of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiskRecord {
    schema: u32,
    /// Its length in bytes, holes included.
    pub(crate) length: u64,
    /// SHA-256 (hex) over the number (64 bits, little-endian) and the bytes of every 4096-byte block that is not zero.
    pub(crate) blocks_sha256: String,
}

/// The path of a disk's record.
fn record_path(disk: &Path) -> PathBuf {
    disk.with_added_extension("json")
}

/// Records a new disk, unless it is recorded already.
pub(crate) async fn record_disk(disk: &Path) -> Result<(), ImageError> {
    let record = record_path(disk);
    if !record.is_file() {
        let mut text = serde_json::to_vec_pretty(&compute_disk_record(disk).await?).map_err(io::Error::from)?;
        text.push(b'\n');
        write_atomically(&record, &text)?;
    }
    Ok(())
}

/// The record of a disk, if it has one.
pub(crate) fn read_disk_record(disk: &Path) -> Result<Option<DiskRecord>, ImageError> {
    let path = record_path(disk);
    match fs_err::read(&path) {
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(|source| GoldenError::Damaged { path, source }.into())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Computes the record of a disk.
pub(crate) async fn compute_disk_record(disk: &Path) -> io::Result<DiskRecord> {
    let disk = disk.to_owned();
    blocking(move || hash_disk(&disk)).await
}

fn hash_disk(disk: &Path) -> io::Result<DiskRecord> {
    let mut file = fs_err::File::open(disk)?;
    let length = file.metadata()?.len();
    let mut hash = Sha256::new();
    let mut at = 0;
    while let Some((start, end)) = next_data(&file, at)? {
        let start = start / BLOCK as u64 * BLOCK as u64;
        file.seek(io::SeekFrom::Start(start))?;
        hash_blocks(&mut (&mut file).take(end - start), start, &mut hash)?;
        // Blocks are taken whole: the next hole may begin in one.
        at = end.next_multiple_of(BLOCK as u64);
    }
    Ok(DiskRecord { schema: 1, length, blocks_sha256: hex::encode(hash.finalize()) })
}

/// The next range that is not a hole, from `at` on. Source: lseek(2), `SEEK_DATA`.
fn next_data(file: &fs_err::File, at: u64) -> io::Result<Option<(u64, u64)>> {
    let length = file.metadata()?.len();
    if at >= length {
        return Ok(None);
    }
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => Ok(Some((start, rustix::fs::seek(file, SeekFrom::Hole(start))?))),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn hash_blocks(from: &mut impl Read, start: u64, hash: &mut Sha256) -> io::Result<()> {
    let mut block = [0; BLOCK];
    let mut number = start / BLOCK as u64;
    loop {
        let got = fill(from, &mut block)?;
        if got == 0 {
            return Ok(());
        }
        if block[..got].iter().any(|&byte| byte != 0) {
            hash.update(number.to_le_bytes());
            hash.update(&block[..got]);
        }
        number += 1;
    }
}

fn fill(from: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < block.len() {
        match from.read(&mut block[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}

/// Records the kernel and its modules in their folder.
pub(crate) fn record_kernel(folder: &Path) -> io::Result<()> {
    write_atomically(&folder.join(SUMS), kernel_sums(folder)?.as_bytes())
}

/// Computes the kernel's record: a line for each file, sorted.
pub(crate) fn kernel_sums(folder: &Path) -> io::Result<String> {
    let mut names = vec!["vmlinuz".to_owned()];
    for entry in fs_err::read_dir(folder.join("modules"))? {
        names.push(format!("modules/{}", entry?.file_name().to_string_lossy()));
    }
    names.sort();
    let line = |name: &String| -> io::Result<String> {
        let (_, sha256) = vmbuild_archive::sha256_file(&folder.join(name))?;
        Ok(format!("{}  {name}\n", hex::encode(sha256)))
    };
    names.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{compute_disk_record, read_disk_record, record_disk};
    use std::io::{Seek, SeekFrom, Write};

    #[tokio::test]
    async fn holes_do_not_matter_and_bytes_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let (sparse, dense) = (folder.path().join("sparse"), folder.path().join("dense"));
        let mut bytes = vec![0; 1 << 20];
        bytes[5] = 1;
        bytes[700_000] = 2;
        fs_err::write(&dense, &bytes).expect("written");
        let mut file = fs_err::File::create(&sparse).expect("made");
        file.set_len(1 << 20).expect("grown");
        for (at, byte) in [(5, 1), (700_000, 2)] {
            file.seek(SeekFrom::Start(at)).expect("there");
            file.write_all(&[byte]).expect("written");
        }
        let record = compute_disk_record(&dense).await.expect("hashed");
        assert_eq!(compute_disk_record(&sparse).await.expect("hashed"), record);
        record_disk(&sparse).await.expect("recorded");
        assert_eq!(read_disk_record(&sparse).expect("read"), Some(record.clone()));
        // The same byte in another block is another disk.
        bytes.swap(700_000, 700_000 - 4096);
        fs_err::write(&dense, &bytes).expect("written");
        assert_ne!(compute_disk_record(&dense).await.expect("hashed"), record);
    }

    #[test]
    fn the_kernels_record_is_one_sha256sum_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        fs_err::create_dir(folder.path().join("modules")).expect("made");
        fs_err::write(folder.path().join("vmlinuz"), "").expect("written");
        fs_err::write(folder.path().join("modules/a.ko"), "").expect("written");
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let sums = super::kernel_sums(folder.path()).expect("hashed");
        assert_eq!(sums, format!("{empty}  modules/a.ko\n{empty}  vmlinuz\n"));
    }
}
