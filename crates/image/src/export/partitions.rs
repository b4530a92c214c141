//! The partition table of an exported disk, and the boot loader's place in it.

use super::ExportError;
use super::boot_loader::BootLoader;
use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::partition_types;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use uuid::Uuid;

/// Bytes in a sector.
const SECTOR: u64 = 512;

/// First sector of the boot loader's partition. Source: alignment that every partitioning tool keeps (1 MiB).
pub(super) const LOADER_SECTOR: u64 = 2048;

/// First sector of the root file system.
const ROOT_SECTOR: u64 = 4096;

/// Where the root file system begins, in bytes.
pub(super) const ROOT_START: u64 = ROOT_SECTOR * SECTOR;

/// Bytes after the last partition: the table's copy, rounded up to a MiB.
const END: u64 = 1 << 20;

/// Writes partition table and boot loader around the root file system of `root_bytes` that `disk` contains, and syncs
/// it. Every identifier is derived from `identity`.
pub(super) fn write(disk: &Path, root_bytes: u64, identity: &str, loader: &BootLoader) -> Result<(), ExportError> {
    let mut file = fs_err::OpenOptions::new().read(true).write(true).open(disk)?.into_file();
    file.set_len(ROOT_START + root_bytes + END)?;
    let mut first = ProtectiveMBR::new();
    let last = (ROOT_START + root_bytes + END) / SECTOR - 1;
    first.set_bootcode(loader.first);
    let covered = gpt::mbr::PartRecord::new_protective(Some(u32::try_from(last).unwrap_or(u32::MAX)));
    first.set_partition(0, covered);
    first.overwrite_lba0(&mut file).map_err(|error| std::io::Error::other(error.to_string()))?;
    let config = gpt::GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
    let mut table = config.create_from_device(file, Some(id(identity, "disk"))).map_err(ExportError::Partitions)?;
    table.update_partitions(partitions(root_bytes, identity)).map_err(ExportError::Partitions)?;
    let mut file = table.write().map_err(ExportError::Partitions)?;
    file.seek(SeekFrom::Start(LOADER_SECTOR * SECTOR))?;
    file.write_all(&loader.rest)?;
    Ok(file.sync_all()?)
}

fn partitions(root_bytes: u64, identity: &str) -> BTreeMap<u32, Partition> {
    let partition = |kind, name: &str, first_lba, last_lba| Partition {
        part_type_guid: kind,
        part_guid: id(identity, name),
        first_lba,
        last_lba,
        flags: 0,
        name: name.to_owned(),
    };
    let root_end = ROOT_SECTOR + root_bytes / SECTOR - 1;
    BTreeMap::from([
        (1, partition(partition_types::BIOS, "boot loader", LOADER_SECTOR, ROOT_SECTOR - 1)),
        (2, partition(partition_types::LINUX_FS, "root", ROOT_SECTOR, root_end)),
    ])
}

/// A UUID derived from a golden machine's identity and the partition's name (RFC 9562, 5.8).
fn id(identity: &str, what: &str) -> Uuid {
    let hash = Sha256::new().chain_update(identity).chain_update([0]).chain_update(what).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::{ROOT_START, write};
    use crate::export::boot_loader::BootLoader;

    #[test]
    fn the_table_is_read_back_and_the_file_system_is_untouched() {
        let folder = tempfile::tempdir().expect("a folder");
        let loader = BootLoader { first: [0x90; 440], rest: vec![7; 512] };
        let mut disks = Vec::new();
        for name in ["one", "two"] {
            let disk = folder.path().join(name);
            let mut bytes = vec![0; usize::try_from(ROOT_START).expect("small")];
            bytes.extend(std::iter::repeat_n(5, 8 << 20));
            fs_err::write(&disk, bytes).expect("written");
            write(&disk, 8 << 20, "b83b47", &loader).expect("partitioned");
            disks.push(disk);
        }
        let bytes = fs_err::read(&disks[0]).expect("read");
        assert_eq!(bytes, fs_err::read(&disks[1]).expect("read"), "equal disks, equal bytes");
        assert_eq!((bytes[0], &bytes[510..512], bytes[1 << 20]), (0x90, &[0x55, 0xaa][..], 7));
        let start = usize::try_from(ROOT_START).expect("small");
        assert!(bytes[start..start + (8 << 20)].iter().all(|&byte| byte == 5));
        let table = gpt::GptConfig::new().open(&disks[0]).expect("a table");
        let found: Vec<_> = table.partitions().values().map(|one| (one.name.as_str(), one.first_lba)).collect();
        assert_eq!(found, [("boot loader", 2048), ("root", 4096)]);
    }
}
