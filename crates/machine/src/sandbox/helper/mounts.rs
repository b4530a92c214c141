//! Mounting, with errors that say what and where.

use crate::sandbox::control::{HelperRefusal, HelperStep};
use rustix::fs::{CWD, StatVfsMountFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change, mount_remount,
    move_mount, open_tree, unmount,
};
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Keeps mounts made here from the host, and the host's new mounts from here.
pub(super) fn separate() -> Result<(), HelperRefusal> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|errno| HelperRefusal::new(HelperStep::Propagation, "/", &errno.into()))
}

/// Mounts a new file system of type `kind` at `target`, which is made if it is missing.
pub(super) fn fresh(kind: &str, target: &str, flags: MountFlags, options: &str) -> Result<(), HelperRefusal> {
    let step = if kind == "proc" { HelperStep::Proc } else { HelperStep::Mount };
    let failed = |error: io::Error| HelperRefusal::new(step, format!("{kind} on {target}"), &error);
    fs_err::create_dir_all(target).map_err(|error| failed(bare(&error)))?;
    let options = CString::new(options).map_err(|error| failed(error.into()))?;
    mount(kind, target, kind, flags, Some(options.as_c_str())).map_err(|errno| failed(errno.into()))
}

/// A detached copy of what is mounted at a host path, to be attached after the root has changed.
#[derive(Debug)]
pub(super) struct PickedMount {
    tree: OwnedFd,
    from: PathBuf,
    is_folder: bool,
}

/// Picks a host path, with everything mounted below it.
pub(super) fn pick(from: &Path) -> Result<PickedMount, HelperRefusal> {
    let failed = |error: io::Error| HelperRefusal::new(HelperStep::Bind, from.display().to_string(), &bare(&error));
    let is_folder = fs_err::metadata(from).map_err(failed)?.is_dir();
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, from, flags).map_err(|errno| failed(errno.into()))?;
    Ok(PickedMount { tree, from: from.to_owned(), is_folder })
}

impl PickedMount {
    /// Attaches it at `to`, following symbolic links there, making the file or folder where it is missing.
    pub(super) fn attach(&self, to: &Path) -> Result<PathBuf, HelperRefusal> {
        let what = || format!("{} at {}", self.from.display(), to.display());
        let failed = |error: io::Error| HelperRefusal::new(HelperStep::Bind, what(), &bare(&error));
        let target = end_of_links(to);
        self.make(&target).map_err(failed)?;
        move_mount(&self.tree, "", CWD, &target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|errno| failed(errno.into()))?;
        Ok(target)
    }

    fn make(&self, target: &Path) -> io::Result<()> {
        if target.exists() {
            return Ok(());
        }
        if self.is_folder {
            return fs_err::create_dir_all(target);
        }
        if let Some(parent) = target.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::File::create(target).map(drop)
    }
}

/// Where `path` leads, even if nothing is there: a tree's `/etc/resolv.conf` may point into an empty `/run`.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many as the kernel itself follows (path_resolution(7)).
    for _ in 0..40 {
        let (Ok(link), Some(parent)) = (fs_err::read_link(&path), path.parent()) else {
            break;
        };
        path = parent.join(link);
    }
    path
}

/// Makes the mount at `target` read-only. Flags the kernel has locked for us must be repeated.
pub(super) fn seal(target: &Path) -> Result<(), HelperRefusal> {
    let failed =
        |errno: rustix::io::Errno| HelperRefusal::new(HelperStep::Mount, target.display().to_string(), &errno.into());
    let now = rustix::fs::statvfs(target).map_err(failed)?.f_flag;
    let pairs = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    ];
    let kept = pairs.into_iter().filter(|(has, _)| now.contains(*has)).map(|(_, flag)| flag);
    let flags = kept.fold(MountFlags::BIND | MountFlags::RDONLY, |all, flag| all | flag);
    mount_remount(target, flags, "").map_err(failed)
}

/// Detaches what is mounted at the working directory: the old root, after a swap.
pub(super) fn drop_old_root() -> Result<(), HelperRefusal> {
    unmount(".", UnmountFlags::DETACH)
        .map_err(|errno| HelperRefusal::new(HelperStep::Pivot, "the host's root", &errno.into()))
}

/// The system's error itself: `fs_err` wraps it, and only its number travels.
pub(super) fn bare(error: &io::Error) -> io::Error {
    let inner = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let number = error.raw_os_error().or_else(|| inner.and_then(io::Error::raw_os_error));
    number.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
