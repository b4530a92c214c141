//! A `/dev` with what programs need and nothing of the host's hardware.

use super::mounts::{PickedMount, fresh, pick};
use crate::sandbox::control::{HelperRefusal, HelperStep};
use rustix::mount::MountFlags;
use std::path::Path;

/// Device nodes cannot be made in a user namespace; the host's are made visible one by one.
const NODES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Links that POSIX shells, glibc and `openpty` need.
const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// Picks the host's nodes, while its `/dev` is still in sight. A host that is a container may have fewer.
pub(super) fn pick_nodes() -> Result<Vec<(&'static str, PickedMount)>, HelperRefusal> {
    let there = NODES.into_iter().filter(|node| Path::new(node).exists());
    there.map(|node| Ok((node, pick(Path::new(node))?))).collect()
}

/// Builds `/dev` in the new root.
pub(super) fn build(nodes: &[(&'static str, PickedMount)]) -> Result<(), HelperRefusal> {
    fresh("tmpfs", "/dev", MountFlags::NOSUID, "mode=755,size=1m")?;
    for (path, node) in nodes {
        node.attach(Path::new(path))?;
    }
    let private = MountFlags::NOSUID | MountFlags::NOEXEC;
    // Group 5 is `tty` on every distribution the images come from.
    fresh("devpts", "/dev/pts", private, "newinstance,ptmxmode=0666,mode=620,gid=5")?;
    fresh("tmpfs", "/dev/shm", MountFlags::NOSUID | MountFlags::NODEV, "mode=1777")?;
    for (to, at) in LINKS {
        rustix::fs::symlink(to, at).map_err(|errno| HelperRefusal::new(HelperStep::Mount, at, &errno.into()))?;
    }
    Ok(())
}
