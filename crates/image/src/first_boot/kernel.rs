//! The image's own kernel and initramfs, copied out of the disk before it is booted.

use super::debugfs::Ext4Image;
use super::partition::{RootPartition, largest_first};
use crate::kernel::compare_releases;
use crate::{ImageError, host_tool};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// The raw copy of the disk: partition tables and file systems are not readable in a qcow2 file.
const RAW: &str = "disk.raw";

/// Copying a disk takes seconds; this is for a slow one.
const LIMIT: Duration = Duration::from_mins(10);

/// The image's own kernel, as QEMU starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnKernel {
    /// Kernel image.
    pub(super) kernel: PathBuf,
    /// The initramfs that belongs to it.
    pub(super) initrd: PathBuf,
    /// The root file system's partition.
    pub(super) root: String,
}

/// Copies kernel and initramfs of the qcow2 `disk` into `folder`. `None` where they are not found: no GPT, no ext4,
/// or other names than Debian's and Fedora's families use.
pub(super) async fn take(
    disk: &Path,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<Option<OwnKernel>, ImageError> {
    let qemu_img = host_tool::find_program("qemu-img", "qemu-utils")?;
    let convert = Command::new(qemu_img).args(["convert", "-f", "qcow2", "-O", "raw"]).arg(disk).arg(folder.join(RAW));
    convert.run(Deadline::after(LIMIT), cancel, |_| ()).await?;
    let taken = look(folder, cancel).await;
    fs_err::remove_file(folder.join(RAW))?;
    taken
}

async fn look(folder: &Path, cancel: &CancellationToken) -> Result<Option<OwnKernel>, ImageError> {
    let Ok(partitions) = largest_first(&folder.join(RAW)) else { return Ok(None) };
    let Some(root) = root_of(&partitions, folder, cancel).await? else { return Ok(None) };
    for partition in &partitions {
        let system = Ext4Image::at(folder, RAW, partition.start)?;
        for place in ["/boot", "/"] {
            let names = system.names(place, cancel).await?.unwrap_or_default();
            if let Some((kernel, initrd)) = newest_pair(&names) {
                let place = place.trim_end_matches('/');
                let kernel = system.copy(&format!("{place}/{kernel}"), "own-kernel", cancel).await?;
                let initrd = system.copy(&format!("{place}/{initrd}"), "own-initrd", cancel).await?;
                return Ok(Some(OwnKernel { kernel, initrd, root: root.id.clone() }));
            }
        }
    }
    Ok(None)
}

/// The partition that holds `/etc` and `/usr`.
async fn root_of<'a>(
    partitions: &'a [RootPartition],
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<Option<&'a RootPartition>, ImageError> {
    for partition in partitions {
        let names = Ext4Image::at(folder, RAW, partition.start)?.names("/", cancel).await?.unwrap_or_default();
        if ["etc", "usr"].iter().all(|wanted| names.iter().any(|name| name == wanted)) {
            return Ok(Some(partition));
        }
    }
    Ok(None)
}

/// The newest kernel that has an initramfs, with it.
fn newest_pair(names: &[String]) -> Option<(&str, String)> {
    let releases = names.iter().filter_map(|name| Some((name.as_str(), name.strip_prefix("vmlinuz-")?)));
    let initrd = |release: &str| {
        let forms = [format!("initrd.img-{release}"), format!("initramfs-{release}.img"), format!("initrd-{release}")];
        forms.into_iter().find(|form| names.contains(form))
    };
    let pairs = releases.filter_map(|(name, release)| Some((name, release, initrd(release)?)));
    let newest = pairs.max_by(|(_, one, _), (_, other, _)| compare_releases(one, other))?;
    Some((newest.0, newest.2))
}

#[cfg(test)]
mod tests {
    use super::newest_pair;

    fn check(names: &[&str], expect: Option<(&str, &str)>) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let found = newest_pair(&names);
        assert_eq!(found.as_ref().map(|(kernel, initrd)| (*kernel, initrd.as_str())), expect, "{names:?}");
    }

    #[test]
    fn the_newest_whole_pair_counts() {
        check(&[], None);
        check(&["vmlinuz-6.1.0-9", "config-6.1.0-9"], None);
        check(&["vmlinuz-6.1.0-9", "initrd.img-6.1.0-9"], Some(("vmlinuz-6.1.0-9", "initrd.img-6.1.0-9")));
        check(
            &["vmlinuz-6.1.0-9", "initrd.img-6.1.0-9", "vmlinuz-6.1.0-10", "initrd.img-6.1.0-10", "vmlinuz-6.1.0-11"],
            Some(("vmlinuz-6.1.0-10", "initrd.img-6.1.0-10")),
        );
        check(
            &["vmlinuz-6.17.1-300.fc43.x86_64", "initramfs-6.17.1-300.fc43.x86_64.img", "vmlinuz-0-rescue-1f"],
            Some(("vmlinuz-6.17.1-300.fc43.x86_64", "initramfs-6.17.1-300.fc43.x86_64.img")),
        );
    }
}
