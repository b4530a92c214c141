//! The stand-in's disk: a partition table around a root file system that is there already, and an EFI system
//! partition that boots it.

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
use gpt::mbr::ProtectiveMBR;
use gpt::{GptConfig, partition_types};
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::Path;

/// Part of the recipe: change it with anything here.
pub(crate) const LAYOUT: &str = "esp, then root; zstd; 2";

const SECTOR: u64 = 512;
/// The root is the last, as publishers have it: it grows to the end of a larger disk.
const DISK: u64 = ROOT_OFFSET + ROOT_SIZE + (1 << 20);

const ESP_OFFSET: u64 = 1 << 20;
const ESP_SIZE: u64 = 64 << 20;
/// Where the root partition begins, in bytes.
pub(crate) const ROOT_OFFSET: u64 = ESP_OFFSET + ESP_SIZE;
/// Its length, in bytes.
pub(crate) const ROOT_SIZE: u64 = 1600 << 20;

/// An empty, sparse disk.
pub(crate) fn begin(disk: &Path) {
    fs_err::File::create(disk).and_then(|file| file.set_len(DISK)).unwrap();
}

/// Adds table and EFI system partition to `folder/disk.raw`.
pub(crate) fn finish(folder: &Path) {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(folder.join("disk.raw")).unwrap();
    file.seek(SeekFrom::Start(ESP_OFFSET)).unwrap();
    file.write_all(&esp(folder)).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    ProtectiveMBR::with_lb_size(u32::try_from(DISK / SECTOR - 1).unwrap()).overwrite_lba0(&mut file).unwrap();
    let mut disk = GptConfig::new().writable(true).create_from_device(file, None).unwrap();
    let place = |offset: u64, size: u64| (offset / SECTOR, size / SECTOR);
    let (first, length) = place(ROOT_OFFSET, ROOT_SIZE);
    disk.add_partition_at("root", 1, first, length, partition_types::LINUX_FS, 0).unwrap();
    let (first, length) = place(ESP_OFFSET, ESP_SIZE);
    disk.add_partition_at("esp", 15, first, length, partition_types::EFI, 0).unwrap();
    disk.write().unwrap();
}

fn esp(folder: &Path) -> Vec<u8> {
    let mut disk = Cursor::new(vec![0; usize::try_from(ESP_SIZE).unwrap()]);
    format_volume(&mut disk, FormatVolumeOptions::new().volume_label(*b"ESP        ").volume_id(1)).unwrap();
    {
        let system = FileSystem::new(&mut disk, FsOptions::new()).unwrap();
        let root = system.root_dir();
        for name in ["EFI", "EFI/BOOT", "loader", "loader/entries"] {
            root.create_dir(name).unwrap();
        }
        let read = |name: &str| fs_err::read(folder.join(name)).unwrap();
        let entry = "title standin\nlinux /vmlinuz\ninitrd /initrd\n\
                     options root=LABEL=root rw console=ttyS0 no_timer_check tsc=reliable\n";
        let files = [
            ("EFI/BOOT/BOOTX64.EFI", read("boot.efi")),
            ("loader/loader.conf", b"timeout 0\n".to_vec()),
            ("loader/entries/standin.conf", entry.as_bytes().to_vec()),
            ("vmlinuz", read("vmlinuz")),
            ("initrd", read("initrd")),
        ];
        for (name, contents) in files {
            let mut file = root.create_file(name).unwrap();
            file.write_all(&contents).unwrap();
            file.flush().unwrap();
        }
    }
    disk.into_inner()
}
