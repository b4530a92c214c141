//! A disk that boots by itself: partition table, boot loader, and the golden tree as a journalled ext4.
//!
//! ```text
//! sector 0        the boot loader's first 440 bytes, and a protective partition table for old tools
//! sector 1..33    GUID partition table (its copy ends the disk)
//! sector 2048     1 MiB for the boot loader
//! sector 4096     the root file system, to the end
//! ```

use super::job::{ExportJob, ExportOutput, hashed};
use super::tree::MOUNT;
use super::{Compression, ExportError, boot_loader, boot_tree, partitions, times};
use crate::golden::recipe::uuid;
use crate::host_tool::HostProgram;
use std::time::Duration;
use vmbuild_supervise::{Command, Deadline};

/// Length of the root file system. Sparse: the file takes what is used.
const ROOT_BYTES: u64 = 12 << 30;

/// The golden disk's features (`golden/disk.rs`), and a journal: this disk is for permanent use.
const FEATURES: &str = "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,\
                        huge_file,dir_nlink,extra_isize,metadata_csum";

/// Compressing 500 MB takes about half a minute.
const LIMIT: Duration = Duration::from_mins(20);

/// Makes the raw disk.
pub(super) async fn raw(job: &ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    make(job).await?;
    hashed(job.work("disk.raw")).await
}

/// Makes `disk.raw` in the work folder.
async fn make(job: &ExportJob<'_>) -> Result<(), ExportError> {
    let root = uuid(job.golden.digest())?;
    job.report("boot loader");
    boot_tree::write_boot_files(job, &root).await?;
    let loader = boot_loader::make(job, &root).await?;
    job.report("root file system");
    job.tree.run(HostProgram { name: "mke2fs", package: "e2fsprogs" }, mke2fs(&root), job.cancel).await?;
    times::set_fixed_times(job).await?;
    let disk = job.work("disk.raw");
    let identity = job.golden.digest().to_owned();
    vmbuild_core::blocking(move || partitions::write(&disk, ROOT_BYTES, &identity, &loader)).await
}

/// Makes the raw disk, and QEMU's own format of it.
pub(super) async fn qcow2(job: &ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    make(job).await?;
    job.report("qcow2");
    let command = Command::new("qemu-img").current_dir(job.tree.work()).args(convert(job.compression));
    command.run(Deadline::after(LIMIT), job.cancel, |_| ()).await?;
    hashed(job.work("disk.qcow2")).await
}

/// One coroutine: clusters are written in the disk's order, so equal disks give equal files.
fn convert(compression: Compression) -> Vec<&'static str> {
    let mut arguments = vec!["convert", "-f", "raw", "-O", "qcow2", "-m", "1"];
    match compression {
        Compression::None => {}
        Compression::Gzip => arguments.extend(["-c", "-o", "compression_type=zlib"]),
        Compression::Zstd => arguments.extend(["-c", "-o", "compression_type=zstd"]),
    }
    arguments.extend(["disk.raw", "disk.qcow2"]);
    arguments
}

fn mke2fs(root: &str) -> Vec<String> {
    let offset = partitions::ROOT_START;
    let extended = format!("root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,hash_seed={root},offset={offset}");
    let kib = format!("{}k", ROOT_BYTES >> 10);
    let arguments = ["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-i", "65536", "-m", "0", "-O", FEATURES];
    let arguments =
        arguments.into_iter().chain(["-E", &extended, "-U", root, "-L", "vmbuild", "-d", MOUNT, "disk.raw", &kib]);
    arguments.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Compression, convert, mke2fs};
    use insta::assert_snapshot;

    #[test]
    fn asks_the_tools_for_this() {
        assert_snapshot!(mke2fs("ffffffff-ffff-8fff-bfff-ffffffffffff").join(" "));
        assert_snapshot!(convert(Compression::Zstd).join(" "), @"convert -f raw -O qcow2 -m 1 -c -o compression_type=zstd disk.raw disk.qcow2");
    }
}
