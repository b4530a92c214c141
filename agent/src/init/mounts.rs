//! The guest's file systems, and the step from the initramfs to the root disk.

use super::InitError;
use rustix::mount::{MountFlags, mount, mount_move};
use std::ffi::CStr;

/// Where the root disk is mounted before it becomes `/`.
const NEW_ROOT: &str = "/newroot";

struct MountPoint {
    kind: &'static str,
    on: &'static str,
    flags: MountFlags,
    data: &'static CStr,
}

const HARDENED: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
const SHARED: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// In this order: `pts` and `shm` lie on `/dev`.
const EARLY: [MountPoint; 7] = [
    MountPoint { kind: "proc", on: "/proc", flags: HARDENED, data: c"" },
    MountPoint { kind: "sysfs", on: "/sys", flags: HARDENED, data: c"" },
    MountPoint { kind: "devtmpfs", on: "/dev", flags: MountFlags::NOSUID, data: c"mode=0755" },
    MountPoint { kind: "devpts", on: "/dev/pts", flags: MountFlags::NOSUID, data: c"mode=0620,gid=5,ptmxmode=0666" },
    MountPoint { kind: "tmpfs", on: "/dev/shm", flags: SHARED, data: c"mode=1777" },
    MountPoint { kind: "tmpfs", on: "/run", flags: SHARED, data: c"mode=0755" },
    MountPoint { kind: "tmpfs", on: "/tmp", flags: SHARED, data: c"mode=1777" },
];

/// The top mounts that move along, with the mounts below them.
const MOVED: [&str; 5] = ["/dev", "/proc", "/sys", "/run", "/tmp"];

/// Links that programs expect in `/dev` and that devtmpfs does not make.
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Mounts the file systems that every program expects.
pub(super) fn early() -> Result<(), InitError> {
    for each in &EARLY {
        fs_err::create_dir_all(each.on)?;
        match mount(each.kind, each.on, each.kind, each.flags, each.data) {
            // A kernel can mount devtmpfs itself.
            Ok(()) | Err(rustix::io::Errno::BUSY) => {}
            Err(error) => return Err(failed(each.kind, each.on, error)),
        }
    }
    for (target, link) in LINKS {
        match std::os::unix::fs::symlink(target, link) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Mounts the root disk and makes it `/`. `chroot` is enough here: nothing uses the initramfs any more but this
/// process, whose own program file stays open in it.
pub(super) fn switch_root(device: &str) -> Result<(), InitError> {
    fs_err::create_dir_all(NEW_ROOT)?;
    mount(device, NEW_ROOT, "ext4", MountFlags::NOATIME, c"").map_err(|error| failed(device, NEW_ROOT, error))?;
    for from in MOVED {
        let to = format!("{NEW_ROOT}{from}");
        fs_err::create_dir_all(&to)?;
        mount_move(from, &to).map_err(|error| failed(from, &to, error))?;
    }
    enter(NEW_ROOT).map_err(|error| InitError::SwitchRoot(error.into()))
}

fn enter(new_root: &str) -> rustix::io::Result<()> {
    rustix::process::chdir(new_root)?;
    mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    rustix::process::chdir("/")
}

fn failed(what: &str, on: &str, error: rustix::io::Errno) -> InitError {
    InitError::Mount { what: what.to_owned(), on: on.to_owned(), source: error.into() }
}
