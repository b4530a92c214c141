//! Letting the root file system fill a disk that was made larger. The kernel does it while the file system is in
//! use; no program of the guest is needed. Source: Linux, `Documentation/filesystems/ext4`, `EXT4_IOC_RESIZE_FS`.

use crate::failure::{failure, io_failure};
use rustix::ioctl::{Setter, ioctl, opcode};
use std::io::{Seek, SeekFrom};
use vmbuild_protocol::{FailureKind, RequestFailure};

/// `_IOW('f', 16, __u64)`: the new number of blocks.
const RESIZE: rustix::ioctl::Opcode = opcode::write::<u64>(b'f', 16);

/// Grows the root file system to the end of its disk, and returns its bytes then. One that fills it stays as it is.
#[expect(clippy::unused_async, reason = "handlers are awaited alike")]
pub async fn grow_root() -> Result<u64, RequestFailure> {
    let mounts = fs_err::read_to_string("/proc/self/mounts").map_err(|error| io_failure(&error))?;
    let Some(device) = root_device(&mounts) else {
        return Err(failure(FailureKind::Invalid, "this machine's root is not an ext4 file system on a disk"));
    };
    let mut disk = fs_err::File::open(device).map_err(|error| io_failure(&error))?;
    let bytes = disk.seek(SeekFrom::End(0)).map_err(|error| io_failure(&error))?;
    let root = fs_err::File::open("/").map_err(|error| io_failure(&error))?;
    let about = rustix::fs::statvfs("/").map_err(|error| io_failure(&error.into()))?;
    let blocks = bytes / about.f_frsize;
    #[expect(unsafe_code, reason = "rustix has no wrapper for this request")]
    // SAFETY: the request reads one u64 through the pointer it is given, and writes nothing.
    let grown = unsafe { ioctl(root.file(), Setter::<RESIZE, u64>::new(blocks)) };
    grown.map_err(|error| failure(FailureKind::Io, format!("failed to grow the root file system: {error}")))?;
    Ok(blocks * about.f_frsize)
}

/// The device of the uppermost mount on `/`.
fn root_device(mounts: &str) -> Option<&str> {
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let root = fields.rfind(|fields| fields.get(1) == Some(&"/"))?;
    (root.get(2) == Some(&"ext4") && root[0].starts_with("/dev/")).then(|| root[0])
}

#[cfg(test)]
mod tests {
    use super::root_device;

    fn check(mounts: &str, expect: Option<&str>) {
        assert_eq!(root_device(mounts), expect, "{mounts}");
    }

    #[test]
    fn only_a_disk_of_its_own_grows() {
        check("rootfs / rootfs rw 0 0\n/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n", Some("/dev/vda"));
        check("overlay / overlay rw 0 0\n", None);
        check("", None);
    }
}
