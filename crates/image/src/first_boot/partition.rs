//! The partitions of a disk.

use gpt::disk::LogicalBlockSize;
use gpt::{GptConfig, GptError};
use std::path::Path;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RootPartition {
    /// Where it begins, in bytes.
    pub(super) start: u64,
    /// Its length, in bytes.
    pub(super) bytes: u64,
    /// Its identifier: what the kernel takes after `PARTUUID=`.
    pub(super) id: String,
}

/// The partitions of a raw disk, the largest first: that is where the root file system is.
pub(super) fn largest_first(disk: &Path) -> Result<Vec<RootPartition>, GptError> {
    let config = GptConfig::new().writable(false).logical_block_size(LogicalBlockSize::Lb512);
    let disk = config.open(disk)?;
    let size = *disk.logical_block_size();
    let mut partitions = Vec::new();
    for partition in disk.partitions().values().filter(|partition| partition.is_used()) {
        let (start, bytes) = (partition.bytes_start(size)?, partition.bytes_len(size)?);
        partitions.push(RootPartition { start, bytes, id: partition.part_guid.hyphenated().to_string() });
    }
    partitions.sort_by_key(|partition| std::cmp::Reverse(partition.bytes));
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use super::largest_first;
    use gpt::mbr::ProtectiveMBR;
    use gpt::{GptConfig, partition_types};

    #[test]
    fn a_table_is_read_and_anything_else_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk.raw");
        fs_err::File::create(&path).and_then(|file| file.set_len(16 << 20)).expect("a sparse file");
        assert!(largest_first(&path).is_err());
        let mut file = std::fs::OpenOptions::new().read(true).write(true).open(&path).expect("opened");
        let mbr = ProtectiveMBR::with_lb_size((16 << 20) / 512 - 1);
        mbr.overwrite_lba0(&mut file).expect("written");
        let mut disk = GptConfig::new().writable(true).create_from_device(file, None).expect("a new table");
        disk.add_partition("esp", 1 << 20, partition_types::EFI, 0, None).expect("added");
        disk.add_partition("root", 8 << 20, partition_types::LINUX_FS, 0, None).expect("added");
        disk.write().expect("written");
        let found = largest_first(&path).expect("a table");
        assert_eq!(found.iter().map(|partition| partition.bytes).collect::<Vec<_>>(), [8 << 20, 1 << 20]);
        assert!(found[0].start > found[1].start && found[0].id.len() == 36, "{found:?}");
    }
}
