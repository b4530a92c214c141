//! GRUB for a BIOS, written into a disk without root and without a device.
//!
//! `grub-install` wants a block device and a mounted file system. All it does to the disk itself is to write two
//! files that know where the next one lies: `boot.img` into the first sector, and the core image, whose first sector
//! loads the others, into a partition of its own. Source: GRUB's manual, "BIOS installation"; offsets from
//! `grub-core/boot/i386/pc/boot.S`, `diskboot.S` and `include/grub/i386/pc/boot.h` of GRUB 2.06.

use super::ExportError;
use super::job::ExportJob;
use super::partitions::LOADER_SECTOR;
use crate::host_tool::HostTool;
use std::path::Path;

/// Debian's folder of GRUB for a BIOS.
const FOLDER: &str = "/usr/lib/grub/i386-pc";
const PACKAGE: &str = "grub-pc-bin";

/// Modules that read the partition table, the file system and the menu, and start a kernel.
const MODULES: [&str; 9] =
    ["biosdisk", "part_gpt", "ext2", "search_fs_uuid", "normal", "linux", "serial", "terminal", "echo"];

/// In `boot.img`: the core image's first sector (8 bytes), and a jump that is there for floppy disks.
const CORE_SECTOR: usize = 0x5c;
const DRIVE_CHECK: usize = 0x66;
/// In the core image's first sector: the sector where the rest begins (8 bytes), and its length in sectors.
const REST_SECTOR: usize = 0x1f4;
const REST_LENGTH: usize = 0x1fc;

/// The parts of a boot loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BootLoader {
    /// The code in the disk's first sector.
    pub(super) first: [u8; 440],
    /// The contents of the boot loader's partition.
    pub(super) rest: Vec<u8>,
}

/// Makes the boot loader that reads `/boot/grub/grub.cfg` of the file system `root`.
pub(super) async fn make(job: &ExportJob<'_>, root: &str) -> Result<BootLoader, ExportError> {
    let boot = Path::new(FOLDER).join("boot.img");
    if std::env::consts::ARCH != "x86_64" {
        return Err(ExportError::NoBootLoader { arch: std::env::consts::ARCH });
    }
    if !boot.is_file() {
        return Err(ExportError::NoFile { path: boot, package: PACKAGE });
    }
    let config = format!("search.fs_uuid {root} root\nset prefix=($root)/boot/grub\nnormal\n");
    fs_err::write(job.work("embedded.cfg"), config)?;
    let arguments = ["-O", "i386-pc", "-d", FOLDER, "-p", "/boot/grub", "-c", "embedded.cfg", "-o", "core.img"];
    let tool = HostTool::new("grub-mkimage", "grub-common", job.tree.work())?;
    tool.args(arguments).args(MODULES).run(job.cancel, |_| ()).await?;
    join(&fs_err::read(boot)?, fs_err::read(job.work("core.img"))?)
}

/// Writes the address of the next part into each.
fn join(boot: &[u8], mut core: Vec<u8>) -> Result<BootLoader, ExportError> {
    let wrong = |what| ExportError::BootLoader { what };
    let mut first = [0; 440];
    first.copy_from_slice(boot.get(..440).ok_or_else(|| wrong("boot.img"))?);
    first[CORE_SECTOR..CORE_SECTOR + 8].copy_from_slice(&LOADER_SECTOR.to_le_bytes());
    first[DRIVE_CHECK..DRIVE_CHECK + 2].copy_from_slice(&[0x90, 0x90]);
    let sectors = core.len().div_ceil(512);
    let length = core.get(REST_LENGTH..REST_LENGTH + 2).ok_or_else(|| wrong("grub's core image"))?;
    // grub-mkimage has counted the rest's sectors already: a check that this is the place.
    if usize::from(u16::from_le_bytes([length[0], length[1]])) != sectors - 1 {
        return Err(wrong("grub's core image"));
    }
    core[REST_SECTOR..REST_SECTOR + 8].copy_from_slice(&(LOADER_SECTOR + 1).to_le_bytes());
    core.resize(sectors * 512, 0);
    Ok(BootLoader { first, rest: core })
}

#[cfg(test)]
mod tests {
    use super::{ExportError, join};

    #[test]
    fn each_part_knows_the_next() {
        let mut core = vec![1; 1300];
        core[0x1fc..0x1fe].copy_from_slice(&2u16.to_le_bytes());
        let loader = join(&[3; 512], core).expect("joined");
        assert_eq!(loader.first[0x5c..0x68], [0, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0x90, 0x90]);
        assert_eq!(loader.rest[0x1f4..0x1fe], [1, 8, 0, 0, 0, 0, 0, 0, 2, 0]);
        assert_eq!(loader.rest.len(), 1536);
    }

    #[test]
    fn other_layouts_are_refused() {
        for (boot, core) in [(vec![0; 100], vec![0; 1024]), (vec![0; 512], vec![0; 1024]), (vec![0; 512], vec![])] {
            assert!(matches!(join(&boot, core), Err(ExportError::BootLoader { .. })));
        }
    }
}
