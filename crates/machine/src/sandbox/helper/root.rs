//! Root file system of a namespaced program.

use super::device;
use super::mounts::{PickedMount, drop_old_root, fresh, pick, seal};
use crate::Network;
use crate::sandbox::NamespaceCommand;
use crate::sandbox::control::{HelperRefusal, HelperStep};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, mount};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Parts of proc through which root could change the host: read-only in a machine.
const HOST_KNOBS: [&str; 5] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"];
/// The host's files that make names resolve where its network is shared.
const NAMES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];
const HARMLESS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Keeps the host's root. Its own proc is mounted where the kernel allows it; the host's does otherwise, with
/// the host's process numbers.
pub(super) fn stay(enter: &NamespaceCommand) -> Result<(), HelperRefusal> {
    let _ = fresh("proc", "/proc", HARMLESS | MountFlags::NOEXEC, "");
    for bind in &enter.binds {
        attach(&pick(&bind.from)?, Path::new(&bind.to), bind.writable)?;
    }
    Ok(())
}

/// Changes to a new root: the layers, under `upper`.
pub(super) fn change(
    enter: &NamespaceCommand,
    layers: &[PathBuf],
    upper: &Path,
    work: &Path,
) -> Result<(), HelperRefusal> {
    let nodes = device::pick_nodes()?;
    let binds = pick_all(enter)?;
    stack(layers, upper, work)?;
    swap(upper)?;
    // The host's root is still there on top: the kernel lets a user namespace mount proc and sysfs only where
    // they are already in sight. It must be gone before any other path is used: `..` would lead to it.
    fresh("proc", "/proc", HARMLESS | MountFlags::NOEXEC, "")?;
    if enter.network == Network::None {
        // Allowed only to the owner of the network namespace. Little needs it: a machine without it is fine.
        let _ = fresh("sysfs", "/sys", HARMLESS | MountFlags::NOEXEC | MountFlags::RDONLY, "");
    }
    drop_old_root()?;
    seal_host_knobs()?;
    device::build(&nodes)?;
    fresh("tmpfs", "/tmp", HARMLESS, "mode=1777")?;
    fresh("tmpfs", "/run", HARMLESS, "mode=755")?;
    for (picked, to, writable) in &binds {
        attach(picked, to, *writable)?;
    }
    Ok(())
}

fn pick_all(enter: &NamespaceCommand) -> Result<Vec<(PickedMount, PathBuf, bool)>, HelperRefusal> {
    let mut picked = Vec::new();
    let names = NAMES.iter().filter(|path| enter.network == Network::Outgoing && Path::new(path).exists());
    for path in names {
        picked.push((pick(Path::new(path))?, PathBuf::from(path), false));
    }
    for bind in &enter.binds {
        picked.push((pick(&bind.from)?, PathBuf::from(&bind.to), bind.writable));
    }
    Ok(picked)
}

fn attach(picked: &PickedMount, to: &Path, writable: bool) -> Result<(), HelperRefusal> {
    let target = picked.attach(to)?;
    if writable { Ok(()) } else { seal(&target) }
}

fn seal_host_knobs() -> Result<(), HelperRefusal> {
    for knob in HOST_KNOBS.iter().map(Path::new).filter(|knob| knob.exists()) {
        seal(&pick(knob)?.attach(knob)?)?;
    }
    Ok(())
}

/// Mounts the overlay on its own upper folder: no other place on the host has to make room for it.
fn stack(layers: &[PathBuf], upper: &Path, work: &Path) -> Result<(), HelperRefusal> {
    let failed = |error: io::Error| {
        let layers: Vec<String> = layers.iter().map(|layer| layer.display().to_string()).collect();
        HelperRefusal::new(HelperStep::Overlay, format!("{} under {}", layers.join(":"), upper.display()), &error)
    };
    let opened = layers.iter().map(|layer| open(layer)).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let (top, scratch) = (open(upper).map_err(failed)?, open(work).map_err(failed)?);
    // Paths by descriptor: no colon, comma or backslash in a path has to be escaped, and none is too long.
    let lower: Vec<String> = opened.iter().map(by_descriptor).collect();
    let options = format!(
        "userxattr,lowerdir={},upperdir={},workdir={}",
        lower.join(":"),
        by_descriptor(&top),
        by_descriptor(&scratch)
    );
    let options = CString::new(options).map_err(|error| failed(error.into()))?;
    mount("overlay", upper, "overlay", MountFlags::empty(), Some(options.as_c_str()))
        .map_err(|errno| failed(errno.into()))
}

fn open(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::empty())?)
}

fn by_descriptor(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Makes `root` the root. The host's stays mounted on top of it until `drop_old_root`; paths from `/` do not
/// see it. Source: `pivot_root(".", ".")` in `pivot_root(2)`.
fn swap(root: &Path) -> Result<(), HelperRefusal> {
    let failed =
        |errno: rustix::io::Errno| HelperRefusal::new(HelperStep::Pivot, root.display().to_string(), &errno.into());
    rustix::process::chdir(root).map_err(failed)?;
    rustix::process::pivot_root(".", ".").map_err(failed)
}
